//! A name server (RFC 1035 §4) that answers as those of bad days do.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use fastrand::Rng;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UdpSocket},
    task::JoinHandle,
    time::sleep,
};

/// The longest message by UDP without extensions (RFC 1035 §4.2.1).
const MAX_BY_UDP: usize = 512;
/// Type A and class IN, at the end of a question (RFC 1035 §3.2).
const TYPE_A: [u8; 4] = [0, 1, 0, 1];
const SERVER_FAILURE: u8 = 2;
const NAME_ERROR: u8 = 3;

/// What becomes of a question.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// Nothing: the answer is what it should be.
    None,
    /// There is no such name (NXDOMAIN).
    NameError,
    /// It cannot say now (SERVFAIL).
    ServerFailure,
    /// It says nothing.
    Silence,
    /// The answer comes this much later.
    Late(Duration),
    /// The answer has no room in a datagram (TC): it is to be asked for by TCP.
    Truncated,
    /// So many bytes of noise, with the question's id or without.
    Noise(usize, bool),
    /// The address of somebody else, who listens at the same port.
    Stranger,
    /// An address where connections are refused.
    Nobody,
    /// An address where nothing is answered.
    Dead,
    /// The right address among others, one of which answers nothing.
    OneDead,
}

impl Fault {
    /// A fault out of `rng`; half of the questions have none.
    fn draw(rng: &mut Rng) -> Self {
        match rng.u8(..20) {
            0 => Self::NameError,
            1 => Self::ServerFailure,
            2 => Self::Silence,
            3 => Self::Late(Duration::from_millis(rng.u64(50..4000))),
            4 => Self::Truncated,
            5 => Self::Noise(rng.usize(..MAX_BY_UDP), rng.bool()),
            6 => Self::Stranger,
            7 => Self::Nobody,
            8 => Self::Dead,
            9 => Self::OneDead,
            _ => Self::None,
        }
    }
}

/// Addresses of this machine that a name can wrongly lead to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WrongAddresses {
    pub(crate) stranger: Ipv4Addr,
    pub(crate) nobody: Ipv4Addr,
    pub(crate) dead: Ipv4Addr,
}

/// A name server at port 53 of an address of its own, by UDP and TCP, to which every name is at 127.0.0.1; it ends with
/// this value.
#[derive(Debug)]
pub(crate) struct NameServer {
    address: IpAddr,
    shared: Arc<Inner>,
    tasks: [JoinHandle<()>; 2],
}

#[derive(Debug)]
struct Inner {
    wrong: WrongAddresses,
    /// Draws the fault of each question, in the order in which they come.
    rng: Mutex<Rng>,
    is_faulty: AtomicBool,
    is_away: AtomicBool,
    questions: AtomicU64,
    faults: AtomicU64,
}

impl NameServer {
    /// Starts one, without faults yet.
    ///
    /// # Errors
    /// When this user may not listen at port 53.
    pub(crate) async fn start(address: Ipv4Addr, wrong: WrongAddresses, seed: u64) -> anyhow::Result<Self> {
        let address = SocketAddr::from((address, 53));
        let udp = Arc::new(UdpSocket::bind(address).await?);
        let tcp = TcpListener::bind(address).await?;
        let shared = Arc::new(Inner {
            wrong,
            rng: Mutex::new(Rng::with_seed(seed)),
            is_faulty: AtomicBool::new(false),
            is_away: AtomicBool::new(false),
            questions: AtomicU64::new(0),
            faults: AtomicU64::new(0),
        });
        let by_udp = tokio::spawn(serve_by_udp(udp, Arc::clone(&shared)));
        let by_tcp = tokio::spawn(async move {
            while let Ok((client, _)) = tcp.accept().await {
                tokio::spawn(serve_by_tcp(client));
            }
        });
        Ok(Self { address: address.ip(), shared, tasks: [by_udp, by_tcp] })
    }

    pub(crate) fn address(&self) -> IpAddr {
        self.address
    }

    /// From now on half of the questions, or all while it is away, have a fault.
    pub(crate) fn break_down(&self) {
        self.shared.is_faulty.store(true, Ordering::Relaxed);
    }

    /// From now on it says nothing, however often it is asked.
    pub(crate) fn go_away(&self) {
        self.shared.is_away.store(true, Ordering::Relaxed);
    }

    /// It is there again, with or without faults.
    pub(crate) fn come_back(&self) {
        self.shared.is_away.store(false, Ordering::Relaxed);
    }

    /// From now on answers have no fault.
    pub(crate) fn mend(&self) {
        self.shared.is_faulty.store(false, Ordering::Relaxed);
    }

    /// How many questions came, and how many of them were answered wrongly, late or not at all.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.shared.questions.load(Ordering::Relaxed), self.shared.faults.load(Ordering::Relaxed))
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Inner {
    fn next(&self) -> Fault {
        self.questions.fetch_add(1, Ordering::Relaxed);
        if !self.is_faulty.load(Ordering::Relaxed) {
            return Fault::None;
        }
        let fault = if self.is_away.load(Ordering::Relaxed) {
            Fault::Silence
        } else {
            Fault::draw(&mut self.rng.lock().unwrap_or_else(PoisonError::into_inner))
        };
        if fault != Fault::None {
            self.faults.fetch_add(1, Ordering::Relaxed);
        }
        fault
    }
}

async fn serve_by_udp(socket: Arc<UdpSocket>, shared: Arc<Inner>) {
    let mut packet = [0; MAX_BY_UDP];
    loop {
        // An error is of an answer before, which nobody waited for any more (recv(2), ECONNREFUSED).
        let Ok((length, client)) = socket.recv_from(&mut packet).await else { continue };
        let Ok(question) = Question::read(&packet[..length]) else { continue };
        let (socket, fault, wrong) = (Arc::clone(&socket), shared.next(), shared.wrong);
        tokio::spawn(async move {
            if let Fault::Late(time) = fault {
                sleep(time).await;
            }
            if let Some(answer) = question.answer(fault, wrong) {
                // A client that has gone needs no answer.
                let _ = socket.send_to(&answer, client).await;
            }
        });
    }
}

/// What is asked for again, as an answer was truncated, is answered as it should be.
async fn serve_by_tcp(mut client: TcpStream) -> anyhow::Result<()> {
    loop {
        let mut message = vec![0; client.read_u16().await?.into()];
        client.read_exact(&mut message).await?;
        let answer = Question::read(&message)?.addresses(&[Ipv4Addr::LOCALHOST]);
        client.write_u16(u16::try_from(answer.len())?).await?;
        client.write_all(&answer).await?;
    }
}

/// A message with a question.
struct Question {
    id: [u8; 2],
    /// Name, type and class.
    bytes: Vec<u8>,
}

impl Question {
    fn read(message: &[u8]) -> anyhow::Result<Self> {
        let (header, rest) = message.split_at_checked(12).context("a message has a header")?;
        let mut length = 0;
        loop {
            match rest.get(length) {
                Some(0) => break,
                Some(label) => length += 1 + usize::from(*label),
                None => anyhow::bail!("a name ends"),
            }
        }
        let bytes = rest.get(..length + 5).context("a question has a type and a class")?.to_vec();
        Ok(Self { id: [header[0], header[1]], bytes })
    }

    /// `None` is silence.
    fn answer(&self, fault: Fault, wrong: WrongAddresses) -> Option<Vec<u8>> {
        let right = Ipv4Addr::LOCALHOST;
        Some(match fault {
            Fault::None | Fault::Late(_) => self.addresses(&[right]),
            Fault::NameError => self.message(NAME_ERROR, false, &[]),
            Fault::ServerFailure => self.message(SERVER_FAILURE, false, &[]),
            Fault::Silence => return None,
            Fault::Truncated => self.message(0, true, &[]),
            Fault::Noise(length, has_id) => {
                let noise = std::iter::repeat_with(|| fastrand::u8(..)).take(length);
                self.id.into_iter().filter(|_| has_id).chain(noise).collect()
            }
            Fault::Stranger => self.addresses(&[wrong.stranger]),
            Fault::Nobody => self.addresses(&[wrong.nobody]),
            Fault::Dead => self.addresses(&[wrong.dead]),
            Fault::OneDead => self.addresses(&[wrong.dead, right]),
        })
    }

    /// These addresses, where it asks for such; nothing where it asks for others.
    fn addresses(&self, addresses: &[Ipv4Addr]) -> Vec<u8> {
        self.message(0, false, if self.bytes.ends_with(&TYPE_A) { addresses } else { &[] })
    }

    fn message(&self, code: u8, is_truncated: bool, addresses: &[Ipv4Addr]) -> Vec<u8> {
        // A response, authoritative, for who wished for recursion, which there is.
        let flags = [0x85 | u8::from(is_truncated) << 1, 0x80 | code];
        let n_answers = u8::try_from(addresses.len()).expect("a few addresses");
        let mut message = [&self.id[..], &flags, &[0, 1, 0, n_answers, 0, 0, 0, 0], &self.bytes].concat();
        for address in addresses {
            // The question's name (RFC 1035 §4.1.4), for a second, four bytes.
            message.extend([&[0xc0, 12][..], &TYPE_A, &[0, 0, 0, 1, 0, 4], &address.octets()].concat());
        }
        message
    }
}
