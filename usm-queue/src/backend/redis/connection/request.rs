//! What one call sends to Redis in one round trip.

use redis::{
    Cmd, ErrorKind, Pipeline, RedisResult, Script, ServerErrorKind, Value, aio::MultiplexedConnection,
};

pub(crate) enum Request {
    Command(Cmd),
    Commands(Pipeline),
    /// EVALSHA. The script is loaded first if Redis does not know it.
    Script(&'static Script, Cmd),
    /// Several EVALSHA of one script. All are repeated if one of them finds the script unknown.
    Scripts(&'static Script, Pipeline),
}

impl Request {
    pub(super) async fn send(&self, connection: &mut MultiplexedConnection) -> RedisResult<Value> {
        let first = self.send_once(connection).await;
        match (self, first) {
            (Self::Script(script, _) | Self::Scripts(script, _), Err(error))
                if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) =>
            {
                script.load_async(connection).await?;
                self.send_once(connection).await
            }
            (_, answer) => answer,
        }
    }

    async fn send_once(&self, connection: &mut MultiplexedConnection) -> RedisResult<Value> {
        match self {
            Self::Command(command) | Self::Script(_, command) => command.query_async(connection).await,
            Self::Scripts(_, pipeline) | Self::Commands(pipeline) => pipeline.query_async(connection).await,
        }
    }
}
