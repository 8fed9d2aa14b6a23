//! `sava-shoppers watch`: who serves, live, in a terminal and in a pipe.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    process::{Child, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    process::{Pid, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcgetattr, tcsetwinsize},
};
use sava_testbed::{Balancer, Cart, PATIENCE, Process, Product, Signal, binaries, command};

/// `sava-shoppers watch` in a terminal of 80 columns and 24 lines.
struct Watch {
    child: Child,
    /// The other side of the terminal: keys go in, the picture comes out.
    terminal: File,
    /// The side of the program, to ask for its modes.
    line: File,
    seen: String,
}

impl Watch {
    fn start(url: &str, variables: &[(&str, &str)]) -> Self {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&terminal).expect("a terminal is its maker's");
        unlockpt(&terminal).expect("a terminal can be used");
        let name = ptsname(&terminal, Vec::new()).expect("a terminal has a name");
        let line =
            File::options().read(true).write(true).open(name.to_str().expect("a path")).expect("a terminal");
        tcsetwinsize(&line, Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 }).expect("a size");
        let mut watch = command(binaries::path("sava-shoppers"));
        watch.args(["watch", url]).env_remove("NO_COLOR").envs(variables.iter().copied());
        let side = || Stdio::from(line.try_clone().expect("a descriptor"));
        let child = watch.stdin(side()).stdout(side()).stderr(Stdio::null()).spawn().expect("it starts");
        Self { child, terminal: terminal.into(), line, seen: String::new() }
    }

    /// Reads until the terminal was sent `text`.
    fn shows(&mut self, text: &str) {
        let mut bytes = [0; 4096];
        while !self.seen.contains(text) {
            let n = self.terminal.read(&mut bytes).unwrap_or_default();
            assert!(n > 0, "{text} is not shown:\n{}", self.seen);
            self.seen += &String::from_utf8_lossy(&bytes[..n]);
        }
    }

    fn press(&mut self, key: &str) {
        self.terminal.write_all(key.as_bytes()).expect("a terminal takes keys");
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }

    /// Its end, and whether the terminal reads lines again.
    fn end(mut self) -> (ExitStatus, bool) {
        let asked = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child can be asked") {
                break status;
            }
            assert!(asked.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        };
        let modes = tcgetattr(&self.line).expect("a terminal has modes");
        (status, modes.local_modes.contains(rustix::termios::LocalModes::ICANON))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const ENTERS: &str = "\x1b[?1049h";
const LEAVES: &str = "\x1b[?1049l";

#[tokio::test(flavor = "multi_thread")]
async fn terminal_is_given_back_however_the_watch_ends() {
    let product = Product::start().release("2.0.1").await;
    let cart = Cart::start().product(&product.url("")).await;
    let url = cart.url("/");
    let ends: [fn(&mut Watch); 4] = [
        |watch| watch.press("q"),
        |watch| watch.press("\x03"),
        |watch| watch.signal(Signal::TERM),
        |watch| watch.signal(Signal::INT),
    ];
    for end in ends {
        let mut watch = Watch::start(&url, &[]);
        watch.shows(ENTERS);
        watch.shows("2.0.1");
        end(&mut watch);
        watch.shows(LEAVES);
        // What was seen stays below the command.
        watch.shows("0 lost");
        let (status, reads_lines) = watch.end();
        assert!(status.success() && reads_lines, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_pause_and_colours_can_be_refused() {
    let product = Product::start().release("2.0.1").await;
    let cart = Cart::start().product(&product.url("")).await;
    let mut coloured = Watch::start(&cart.url("/"), &[]);
    coloured.shows("38;5;208");
    let mut plain = Watch::start(&cart.url("/"), &[("NO_COLOR", "1")]);
    plain.shows("appeared");
    assert!(!plain.seen.contains("38;5;"), "{:?}", plain.seen);
    plain.press("p");
    plain.shows("PAUSED");
    plain.press("q");
    assert!(plain.end().0.success());
}

#[tokio::test]
async fn in_a_pipe_it_is_a_line_a_second_with_what_happens() {
    let (old, new) =
        (Product::start().release("1.0.3").await, Product::start().release("2.0.2-errors").await);
    let balancer = Balancer::start().await;
    balancer.split(&[(old.address(), 1)]);
    let cart = Cart::start().product(&balancer.url("")).await;
    let mut watch = command(binaries::path("sava-shoppers"));
    watch.args(["watch", &cart.url("/")]);
    let watch = Process::spawn("watch", watch);
    watch.line("product service: ■ 1.0.3 100 %").await;
    balancer.split(&[(old.address(), 1), (new.address(), 1)]);
    watch.line("+ Product service 2.0.2-errors appeared").await;
    watch.line("! Product service 2.0.2-errors: errors began (status 500)").await;
    watch.line("↗ Product service 2.0.2-errors rose to about").await;
    balancer.split(&[(old.address(), 1)]);
    watch.line("− Product service 2.0.2-errors is gone").await;
    let exit = watch.stop().await;
    assert_eq!(exit.code, Some(0), "{}", exit.output);
    assert!(!exit.output.contains('\x1b'), "{}", exit.output);
}

#[tokio::test]
async fn what_is_no_store_front_is_not_watched() {
    let product = Product::start().await;
    for (url, why) in [
        ("http://127.0.0.1:9/", "cannot be reached"),
        (product.url("/").as_str(), "is it the product service's URL?"),
        ("localhost:3000", "takes http URLs"),
    ] {
        let mut watch = command(binaries::path("sava-shoppers"));
        watch.args(["watch", url]);
        let exit = Process::spawn("watch", watch).exit().await;
        assert_eq!(exit.code, Some(2), "{}", exit.output);
        assert!(exit.output.contains(why), "{why} in {}", exit.output);
    }
}
