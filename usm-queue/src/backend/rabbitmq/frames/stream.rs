//! Streams for lapin whose incoming frames are filtered.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use async_rs::{
    Runtime, Tokio,
    traits::Reactor,
    util::{DummyIO, RuntimeParts},
};
use futures_io::{AsyncRead, AsyncWrite};
use futures_util::Stream;
use lapin::{
    AsyncTcpStream, Connection, ConnectionProperties,
    tcp::{AMQPUriTcpExt, OwnedTLSConfig},
    uri::AMQPUri,
};

use super::filter::Gate;

type Plain = AsyncTcpStream<<Tokio as Reactor>::TcpStream>;

/// A connection whose incoming frames are filtered.
pub(crate) async fn connect(
    uri: AMQPUri,
    properties: ConnectionProperties,
    tls: OwnedTLSConfig,
) -> lapin::Result<Connection> {
    let tokio = Tokio::current();
    let plain = Runtime::new(tokio.clone());
    let filtering = Runtime::new(RuntimeParts::new(tokio.clone(), Filtering(tokio)));
    let connect = async move |uri: AMQPUri, _: Runtime<_>| {
        let stream = uri.connect_with_config_async(tls.as_ref(), &plain).await?;
        // Above TLS, as the filter has to read it.
        Ok(AsyncTcpStream::Plain(Filtered::new(stream)))
    };
    Connection::connector(uri, filtering, connect, properties).await
}

/// What tokio does, with filtered streams.
#[derive(Debug, Clone)]
struct Filtering(Tokio);

impl Reactor for Filtering {
    type TcpStream = Filtered<Plain>;
    type Sleep = <Tokio as Reactor>::Sleep;

    /// lapin connects by `tcp_connect` alone, and what a socket must be here has no public name.
    fn register<H: io::Read + io::Write + Send + 'static>(
        &self,
        _: H,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        Err::<DummyIO, _>(io::ErrorKind::Unsupported.into())
    }

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        self.0.sleep(duration)
    }

    fn interval(&self, duration: Duration) -> impl Stream<Item = Instant> + Send + 'static {
        self.0.interval(duration)
    }

    fn tcp_connect_addr(
        &self,
        address: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send + 'static {
        let connecting = self.0.tcp_connect_addr(address);
        async move { Ok(Filtered::new(AsyncTcpStream::Plain(connecting.await?))) }
    }
}

/// A stream whose incoming frames pass a [`Gate`].
struct Filtered<S> {
    stream: S,
    gate: Gate,
}

impl<S> Filtered<S> {
    fn new(stream: S) -> Self {
        Self { stream, gate: Gate::default() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Filtered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        loop {
            let handed_out = this.gate.hand_out(into);
            if handed_out > 0 || into.is_empty() {
                return Poll::Ready(Ok(handed_out));
            }
            let read = ready!(Pin::new(&mut this.stream).poll_read(context, this.gate.space()))?;
            if read == 0 {
                return Poll::Ready(Ok(0));
            }
            this.gate.came(read);
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Filtered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, from)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(context)
    }
}
