//! A proxy that does to connections what networks do: cut, reset, freeze, delay, trickle.

use std::{
    collections::VecDeque,
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::{broadcast, watch},
    task::{JoinHandle, JoinSet},
    time::{Instant, sleep, sleep_until, timeout},
};

/// Bytes on their way in one direction of one connection; more are left to the sender.
const IN_FLIGHT: usize = 4 << 20;

/// How the bytes of one direction travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flow {
    /// Nothing travels, and no side hears of it: a cable pulled out. What was sent meanwhile travels afterwards.
    pub frozen: bool,
    /// Every byte arrives so much later, in order.
    pub delay: Duration,
    /// Bytes per second at most.
    pub rate: Option<u32>,
}

impl Flow {
    /// A direction in which nothing travels.
    pub const FROZEN: Self = Self { frozen: true, delay: Duration::ZERO, rate: None };

    /// A direction with latency.
    pub fn delayed(delay: Duration) -> Self {
        Self { delay, ..Self::default() }
    }

    /// A direction so slow that bytes come in ones and twos.
    pub fn trickling(bytes_per_second: u32) -> Self {
        Self { rate: Some(bytes_per_second.max(1)), ..Self::default() }
    }
}

/// How both directions travel, and whether anybody listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Conduct {
    to_server: Flow,
    to_client: Flow,
    listening: bool,
}

/// How all present connections end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// In order: FIN to both sides.
    Cut,
    /// RST to both sides.
    Reset,
}

/// What went through so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Connections accepted so far.
    pub accepted: u64,
    /// Connections open now.
    pub open: u64,
}

/// A proxy before one server. Its connections end when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    conduct: watch::Sender<Conduct>,
    ends: broadcast::Sender<Ending>,
    counts: watch::Receiver<Counts>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free port of this machine and passes everything on to `server`.
    ///
    /// # Errors
    ///
    /// When there is no free port.
    pub async fn start(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let conduct = Conduct { to_server: Flow::default(), to_client: Flow::default(), listening: true };
        let (conduct, _) = watch::channel(conduct);
        let (ends, _) = broadcast::channel(16);
        let (count, counts) = watch::channel(Counts::default());
        let line = Line { server, conduct: conduct.subscribe(), ends: ends.clone(), count };
        let accepting = tokio::spawn(line.accept(listener, address));
        Ok(Self { address, conduct, ends, counts, accepting })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything travels as it comes, and new connections are taken.
    pub fn heal(&self) {
        self.conduct.send_modify(|conduct| {
            *conduct = Conduct { to_server: Flow::default(), to_client: Flow::default(), listening: true };
        });
    }

    /// How bytes travel from now on, on present and new connections.
    pub fn flow(&self, to_server: Flow, to_client: Flow) {
        self.conduct.send_modify(|conduct| (conduct.to_server, conduct.to_client) = (to_server, to_client));
    }

    /// Both directions alike.
    pub fn flow_both(&self, flow: Flow) {
        self.flow(flow, flow);
    }

    /// Ends every present connection in order (FIN). New ones are taken.
    pub fn cut(&self) {
        let _ = self.ends.send(Ending::Cut);
    }

    /// Resets every present connection (RST). New ones are taken.
    pub fn reset(&self) {
        let _ = self.ends.send(Ending::Reset);
    }

    /// Refuses new connections until [`heal`](Self::heal); resets the present ones.
    pub fn refuse(&self) {
        self.conduct.send_modify(|conduct| conduct.listening = false);
        self.reset();
    }

    /// What went through so far.
    pub fn counts(&self) -> Counts {
        *self.counts.borrow()
    }

    /// Waits until the counts are so, and returns them.
    ///
    /// # Errors
    ///
    /// With the last counts when they are not so within `time`.
    pub async fn counts_where(
        &self,
        time: Duration,
        wanted: impl Fn(Counts) -> bool,
    ) -> Result<Counts, Counts> {
        let mut counts = self.counts.clone();
        match timeout(time, counts.wait_for(|counts| wanted(*counts))).await {
            Ok(Ok(counts)) => Ok(*counts),
            _ => Err(self.counts()),
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// What every connection needs to know.
struct Line {
    server: SocketAddr,
    conduct: watch::Receiver<Conduct>,
    ends: broadcast::Sender<Ending>,
    count: watch::Sender<Counts>,
}

impl Line {
    async fn accept(mut self, listener: TcpListener, address: SocketAddr) {
        let mut listener = Some(listener);
        // Aborted with this task.
        let mut connections = JoinSet::new();
        loop {
            let listening = self.conduct.borrow_and_update().listening;
            if !listening {
                listener = None;
            } else if listener.is_none() {
                listener = TcpListener::bind(address).await.ok();
            }
            let accepted = async {
                match &listener {
                    Some(listener) => listener.accept().await,
                    // The port is still taken: try again.
                    None if listening => {
                        sleep(Duration::from_millis(5)).await;
                        Err(io::ErrorKind::AddrInUse.into())
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                accepted = accepted => if let Ok((client, _)) = accepted {
                    let ends = self.ends.subscribe();
                    self.count.send_modify(|counts| (counts.accepted, counts.open) = (counts.accepted + 1, counts.open + 1));
                    let open = Open(self.count.clone());
                    connections.spawn(carry(client, self.server, self.conduct.clone(), ends, open));
                },
                changed = self.conduct.changed() => if changed.is_err() { return },
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

/// Counts an open connection for as long as it lives.
struct Open(watch::Sender<Counts>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|counts| counts.open -= 1);
    }
}

/// One connection from beginning to end.
async fn carry(
    mut client: TcpStream,
    server: SocketAddr,
    conduct: watch::Receiver<Conduct>,
    mut ends: broadcast::Receiver<Ending>,
    _open: Open,
) {
    let Ok(mut server) = TcpStream::connect(server).await else {
        let _ = client.set_zero_linger();
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ending = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let there = pump(from_client, to_server, conduct.clone(), |conduct| conduct.to_server);
        let back = pump(from_server, to_client, conduct, |conduct| conduct.to_client);
        tokio::select! {
            passed = async { tokio::try_join!(there, back) } => match passed {
                Ok(_) => return,
                // One side was reset: the other hears it so.
                Err(_) => Ending::Reset,
            },
            ending = ends.recv() => ending.unwrap_or(Ending::Reset),
        }
    };
    match ending {
        Ending::Reset => {
            let _ = (client.set_zero_linger(), server.set_zero_linger());
        }
        Ending::Cut => {
            let (client, server) = (hang_up(client), hang_up(server));
            tokio::join!(client, server);
        }
    }
}

/// Ends one side in order. Closing a socket with unread bytes would be a reset.
async fn hang_up(mut stream: TcpStream) {
    let _ = stream.shutdown().await;
    let unread = async { while stream.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {} };
    let _ = timeout(Duration::from_secs(2), unread).await;
}

/// One direction of one connection, until its sender ends it.
async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut conduct: watch::Receiver<Conduct>,
    of: fn(&Conduct) -> Flow,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 << 10];
    let mut underway: VecDeque<(Instant, Vec<u8>)> = VecDeque::new();
    let (mut bytes, mut ended) = (0, false);
    loop {
        let flow = of(&conduct.borrow_and_update());
        let due = underway.front().map(|(due, _)| *due);
        tokio::select! {
            changed = conduct.changed() => if changed.is_err() { return Ok(()) },
            read = from.read(&mut buffer), if !flow.frozen && !ended && bytes < IN_FLIGHT => match read? {
                0 => ended = true,
                read => {
                    underway.push_back((Instant::now() + flow.delay, buffer[..read].to_vec()));
                    bytes += read;
                }
            },
            () = sleep_until(due.unwrap_or_else(Instant::now)), if !flow.frozen && due.is_some() => {
                if let Some((_, mut chunk)) = underway.pop_front() {
                    let step = flow.rate.map_or(chunk.len(), |rate| (rate as usize / 20).clamp(1, chunk.len()));
                    let rest = chunk.split_off(step);
                    if !rest.is_empty() {
                        underway.push_front((Instant::now(), rest));
                    }
                    bytes -= step;
                    to.write_all(&chunk).await?;
                    if let Some(rate) = flow.rate {
                        let step = f64::from(u32::try_from(step).unwrap_or(u32::MAX));
                        sleep(Duration::from_secs_f64(step / f64::from(rate.max(1)))).await;
                    }
                }
            },
            // Everything has travelled.
            () = std::future::ready(()), if !flow.frozen && ended && underway.is_empty() => {
                return to.shutdown().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    /// A server that answers with what it is sent.
    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        address
    }

    async fn connected() -> (Proxy, TcpStream) {
        let proxy = Proxy::start(echo().await).await.unwrap();
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(answer(&mut stream, b"first").await.unwrap(), b"first");
        (proxy, stream)
    }

    /// Sends this and reads as much again.
    async fn answer(stream: &mut TcpStream, text: &[u8]) -> io::Result<Vec<u8>> {
        stream.write_all(text).await?;
        let mut read = vec![0; text.len()];
        timeout(SOON, stream.read_exact(&mut read)).await.unwrap()?;
        Ok(read)
    }

    #[tokio::test]
    async fn everything_passes_both_ways_and_its_end_too() {
        let (_proxy, mut stream) = connected().await;
        let much: Vec<u8> = (0..3_000_000u32).map(|n| n.to_le_bytes()[0]).collect();
        let (mut from, mut to) = stream.split();

        let send = async {
            to.write_all(&much).await.unwrap();
            to.shutdown().await.unwrap();
        };
        let mut read = Vec::new();
        let (_, count) = tokio::join!(send, from.read_to_end(&mut read));

        assert_eq!(count.unwrap(), much.len());
        assert_eq!(read, much);
    }

    #[tokio::test]
    async fn a_cut_is_an_orderly_end_and_the_next_connection_passes() {
        let (proxy, mut stream) = connected().await;

        proxy.cut();

        assert_eq!(timeout(SOON, stream.read(&mut [0; 8])).await.unwrap().unwrap(), 0);
        drop(stream);
        let mut next = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(answer(&mut next, b"again").await.unwrap(), b"again");
        let counts = proxy.counts_where(SOON, |counts| counts.open == 1).await.unwrap();
        assert_eq!(counts, Counts { accepted: 2, open: 1 });
    }

    #[tokio::test]
    async fn a_reset_is_no_orderly_end() {
        let (proxy, mut stream) = connected().await;

        proxy.reset();

        let error = timeout(SOON, stream.read(&mut [0; 8])).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    #[tokio::test]
    async fn a_reset_by_the_server_reaches_the_client_as_one() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let proxy = Proxy::start(listener.local_addr().unwrap()).await.unwrap();
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        let (server, _) = timeout(SOON, listener.accept()).await.unwrap().unwrap();

        server.set_zero_linger().unwrap();
        drop(server);

        let error = timeout(SOON, stream.read(&mut [0; 8])).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    #[tokio::test]
    async fn who_is_refused_gets_no_connection_until_it_heals() {
        let (proxy, mut stream) = connected().await;

        proxy.refuse();

        assert!(timeout(SOON, stream.read(&mut [0; 8])).await.unwrap().is_err());
        // The listener closes a moment later.
        timeout(SOON, async {
            while let Ok(mut early) = TcpStream::connect(proxy.address()).await {
                let _ = early.read(&mut [0; 8]).await;
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
        proxy.heal();
        let again = timeout(SOON, async {
            loop {
                if let Ok(mut next) = TcpStream::connect(proxy.address()).await {
                    return answer(&mut next, b"again").await.unwrap();
                }
                tokio::task::yield_now().await;
            }
        });
        assert_eq!(again.await.unwrap(), b"again");
    }

    #[tokio::test]
    async fn one_frozen_direction_keeps_its_bytes_and_the_other_passes() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let proxy = Proxy::start(listener.local_addr().unwrap()).await.unwrap();
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let mut buffer = [0; 4];

        proxy.flow(Flow::default(), Flow::FROZEN);

        client.write_all(b"ping").await.unwrap();
        server.read_exact(&mut buffer).await.unwrap();
        assert_eq!(&buffer, b"ping");
        server.write_all(b"pong").await.unwrap();
        let silence = timeout(Duration::from_millis(300), client.read(&mut buffer)).await;
        assert!(silence.is_err(), "nothing comes back: {silence:?}");
        proxy.heal();
        client.read_exact(&mut buffer).await.unwrap();
        assert_eq!(&buffer, b"pong");
    }

    #[tokio::test]
    async fn delayed_bytes_arrive_late_and_together() {
        let (proxy, mut stream) = connected().await;
        let delay = Duration::from_millis(300);
        proxy.flow(Flow::delayed(delay), Flow::delayed(delay));
        let begun = Instant::now();

        for text in [b"1", b"2", b"3"] {
            stream.write_all(text).await.unwrap();
        }
        let mut read = [0; 3];
        stream.read_exact(&mut read).await.unwrap();

        assert_eq!(&read, b"123");
        assert!(begun.elapsed() >= delay * 2, "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn trickling_bytes_take_their_time() {
        let (proxy, mut stream) = connected().await;
        proxy.flow(Flow::default(), Flow::trickling(100));
        let begun = Instant::now();

        assert_eq!(answer(&mut stream, &[7; 60]).await.unwrap(), [7; 60]);

        // The last step needs no pause after it.
        assert!(begun.elapsed() >= Duration::from_millis(500), "{:?}", begun.elapsed());
    }
}
