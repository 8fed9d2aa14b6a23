//! A TCP line between two processes that does to some connections what networks do.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use fastrand::Rng;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    time::sleep,
};

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    /// Nothing: it is carried as it is.
    None,
    /// Every piece comes this much later.
    Latency(Duration),
    /// It is reset (RST) as soon as it is there.
    Reset,
    /// So many bytes of answers come, then it is reset.
    CutAfter(usize),
    /// It is taken, and nobody is there: what is sent vanishes.
    HalfOpen,
    /// Answers come byte by byte, this many milliseconds apart, up to a hundred bytes of each piece.
    Trickle(u64),
    /// The answer is noise.
    Garbage(usize),
}

impl Fault {
    /// A fault out of `rng`; half of the connections have none.
    fn draw(rng: &mut Rng) -> Self {
        match rng.u8(..14) {
            0 | 1 => Self::Latency(Duration::from_millis(rng.u64(1..400))),
            2 => Self::Reset,
            3 => Self::CutAfter(rng.usize(..20_000)),
            4 => Self::HalfOpen,
            5 => Self::Trickle(rng.u64(1..60)),
            6 => Self::Garbage(rng.usize(1..5_000)),
            _ => Self::None,
        }
    }
}

/// A link to a server, on a port of its own; it ends with this value.
#[derive(Debug)]
pub(crate) struct FaultyLink {
    port: u16,
    shared: Arc<Inner>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Debug)]
struct Inner {
    upstream: Mutex<String>,
    /// Draws the fault of each connection, in the order in which they come.
    rng: Mutex<Rng>,
    is_faulty: AtomicBool,
    connections: AtomicU64,
    faults: AtomicU64,
}

impl FaultyLink {
    /// A link to `upstream`, an address with a port, whose faults come from `seed`.
    pub(crate) async fn to(upstream: &str, seed: u64) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Inner {
            upstream: Mutex::new(upstream.to_owned()),
            rng: Mutex::new(Rng::with_seed(seed)),
            is_faulty: AtomicBool::new(true),
            connections: AtomicU64::new(0),
            faults: AtomicU64::new(0),
        });
        let line = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (upstream, fault) = line.next();
                tokio::spawn(carry(client, upstream, fault));
            }
        });
        Ok(Self { port, shared, task })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// From now on connections lead there.
    pub(crate) fn lead_to(&self, upstream: &str) {
        upstream.clone_into(&mut self.shared.upstream.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// From now on new connections have no fault.
    pub(crate) fn mend(&self) {
        self.shared.is_faulty.store(false, Ordering::Relaxed);
    }

    /// How many connections came, and how many of them had a fault.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.shared.connections.load(Ordering::Relaxed), self.shared.faults.load(Ordering::Relaxed))
    }
}

impl Drop for FaultyLink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Inner {
    /// Where the next connection leads, and what becomes of it.
    fn next(&self) -> (String, Fault) {
        self.connections.fetch_add(1, Ordering::Relaxed);
        let upstream = self.upstream.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if !self.is_faulty.load(Ordering::Relaxed) {
            return (upstream, Fault::None);
        }
        let fault = Fault::draw(&mut self.rng.lock().unwrap_or_else(PoisonError::into_inner));
        if fault != Fault::None {
            self.faults.fetch_add(1, Ordering::Relaxed);
        }
        (upstream, fault)
    }
}

async fn carry(client: TcpStream, upstream: String, fault: Fault) {
    match fault {
        Fault::Reset => return reset(client),
        Fault::HalfOpen => return swallow(client).await,
        Fault::Garbage(length) => return answer_with_noise(client, length).await,
        Fault::None | Fault::Latency(_) | Fault::CutAfter(_) | Fault::Trickle(_) => {}
    }
    let Ok(server) = TcpStream::connect(upstream).await else { return reset(client) };
    let (mut client_reads, client_writes) = client.into_split();
    let (mut server_reads, mut server_writes) = server.into_split();
    let up = async { drop(tokio::io::copy(&mut client_reads, &mut server_writes).await) };
    let (is_cut, client_writes) = {
        let down = pass_down(&mut server_reads, client_writes, fault);
        tokio::pin!(down);
        tokio::select! {
            done = &mut down => done,
            // The client sends no more; what the server still has to say goes on.
            () = up => down.await,
        }
    };
    if is_cut && let Ok(client) = client_reads.reunite(client_writes) {
        reset(client);
    }
}

/// Carries answers to the client; whether the connection is to be reset, and its half.
async fn pass_down(
    server: &mut OwnedReadHalf,
    mut client: OwnedWriteHalf,
    fault: Fault,
) -> (bool, OwnedWriteHalf) {
    let mut buffer = vec![0; 16 << 10];
    let mut left = if let Fault::CutAfter(bytes) = fault { bytes } else { usize::MAX };
    while let Ok(read @ 1..) = server.read(&mut buffer).await {
        let piece = &buffer[..read.min(left)];
        left -= piece.len();
        let sent = match fault {
            Fault::Latency(latency) => {
                sleep(latency).await;
                client.write_all(piece).await
            }
            Fault::Trickle(pause) => trickle(&mut client, piece, Duration::from_millis(pause)).await,
            _ => client.write_all(piece).await,
        };
        if sent.is_err() {
            break;
        }
        if left == 0 {
            return (true, client);
        }
    }
    (false, client)
}

async fn trickle(client: &mut OwnedWriteHalf, piece: &[u8], pause: Duration) -> std::io::Result<()> {
    let (slow, rest) = piece.split_at(piece.len().min(100));
    for byte in slow {
        client.write_all(std::slice::from_ref(byte)).await?;
        sleep(pause).await;
    }
    client.write_all(rest).await
}

/// Closes it so that the other side sees a reset: nothing is waited for.
fn reset(client: TcpStream) {
    let socket = socket2::SockRef::from(&client);
    // An error means that the other side is gone already.
    let _ = socket.set_linger(Some(Duration::ZERO));
    drop(client);
}

/// Reads whatever comes and says nothing, until the client gives up.
async fn swallow(mut client: TcpStream) {
    let mut buffer = vec![0; 16 << 10];
    while client.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
}

async fn answer_with_noise(mut client: TcpStream, length: usize) {
    let mut buffer = vec![0; 16 << 10];
    if client.read(&mut buffer).await.is_ok_and(|read| read > 0) {
        let noise: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..)).take(length).collect();
        let _ = client.write_all(&noise).await;
    }
}
