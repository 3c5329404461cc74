//! Connects lapin over a stream whose incoming frames are filtered.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, OnceLock},
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

use super::filter::FrameFilter;

type PlainStream = AsyncTcpStream<<Tokio as Reactor>::TcpStream>;

pub(crate) async fn connect(
    uri: AMQPUri,
    properties: ConnectionProperties,
    tls: OwnedTLSConfig,
    version: Arc<OnceLock<String>>,
) -> lapin::Result<Connection> {
    let tokio = Tokio::current();
    let plain = Runtime::new(tokio.clone());
    let filtering = Runtime::new(RuntimeParts::new(tokio.clone(), FilteringReactor(tokio)));
    let connect = async move |uri: AMQPUri, _: Runtime<_>| {
        let stream = uri.connect_with_config_async(tls.as_ref(), &plain).await?;
        // Outside TLS, because the filter has to read the plain bytes.
        let filter = FrameFilter::new(version.clone());
        Ok(AsyncTcpStream::Plain(FilteredStream { stream, filter }))
    };
    Connection::connector(uri, filtering, connect, properties).await
}

/// Tokio's reactor, with filtered streams.
#[derive(Debug, Clone)]
struct FilteringReactor(Tokio);

impl Reactor for FilteringReactor {
    type TcpStream = FilteredStream<PlainStream>;
    type Sleep = <Tokio as Reactor>::Sleep;

    /// Never called: lapin connects by `tcp_connect_addr` only. It cannot be written, because the trait that a socket must
    /// implement has no public name.
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
        async move {
            let stream = AsyncTcpStream::Plain(connecting.await?);
            Ok(FilteredStream { stream, filter: FrameFilter::default() })
        }
    }
}

/// A stream whose incoming frames pass a [`FrameFilter`].
struct FilteredStream<S> {
    stream: S,
    filter: FrameFilter,
}

impl<S: AsyncRead + Unpin> AsyncRead for FilteredStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        loop {
            let handed_out = this.filter.hand_out(into);
            if handed_out > 0 || into.is_empty() {
                return Poll::Ready(Ok(handed_out));
            }
            let read = ready!(Pin::new(&mut this.stream).poll_read(context, this.filter.space()))?;
            if read == 0 {
                return Poll::Ready(Ok(0));
            }
            this.filter.received(read);
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for FilteredStream<S> {
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
