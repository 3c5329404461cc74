//! Signals: the first asks to stop, the second stops at once.

use tokio_util::sync::CancellationToken;

use super::{failure, out};

/// A token that is cancelled by the first Ctrl-C, SIGINT or SIGTERM; the second ends the process.
pub(super) fn on_signal() -> CancellationToken {
    let token = CancellationToken::new();
    tokio::spawn(listen(token.clone()));
    token
}

async fn listen(token: CancellationToken) {
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => {
            return tracing::warn!(%error, "signals cannot be heard; only killing stops this process");
        }
    };
    signals.next().await;
    token.cancel();
    signals.next().await;
    out::note(
        "stopped at once; jobs that ran here are taken over by other workers when their lease has lapsed",
    );
    std::process::exit(failure::INTERRUPTED.into());
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
