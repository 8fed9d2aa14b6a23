//! `sava-shoppers watch URL`: who serves, live, in a terminal; a line a second where there is none.

mod sample;
mod screen;
mod watched;

use std::{
    io::{self, IsTerminal as _, Write as _},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use clap::Args;
use futures_util::future::join_all;
use ratatui::{
    DefaultTerminal,
    crossterm::event::{self, Event as Input, KeyCode, KeyEvent, KeyModifiers},
};
use reqwest::Url;
use sava_theme::Sign;
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::interval,
};

use crate::{pace::Pace, signals::Signals, storefront};
use sample::Sampler;
use screen::Screen;
use watched::{SERVICES, Watched};

/// Samples that wait for their answers at the same time, at most: more of a store front that does not answer tell nothing.
const IN_FLIGHT: usize = 8;

/// How often the picture is drawn.
const REDRAW: Duration = Duration::from_millis(200);

/// Watch who serves, live: shares, latencies, errors, pods and what happens, by release
///
/// In a terminal it is a picture: q quits, r counts the lost requests from now, p pauses. Elsewhere it is a line a second.
/// Exit code: 0; 2 wrong usage, or a store front that cannot be reached.
#[derive(Args, Debug)]
pub(crate) struct Watch {
    /// Where the store front is; a path prefix is kept
    #[arg(value_name = "URL", value_parser = storefront::url)]
    url: Url,

    /// Samples a second, up to 50; each is a request to the store front and one to the product service
    #[arg(long, default_value = "20", value_parser = rate)]
    rate: f64,

    /// How long the store front may take to be there, such as 30s
    #[arg(long, default_value = "0s", value_name = "DURATION", value_parser = humantime::parse_duration)]
    wait: Duration,

    /// How long it is watched, such as 5m [default: until q, Ctrl-C or SIGTERM]
    #[arg(long = "for", value_name = "DURATION", value_parser = humantime::parse_duration)]
    duration: Option<Duration>,
}

/// What is going on, for those who sample and for who shows it. Locked only to count or to draw: never over an await.
struct Scene {
    watched: Mutex<Watched>,
    clock: Mutex<Stopwatch>,
}

/// A clock that can be stopped.
struct Stopwatch {
    /// When it goes: since when, and what it showed then.
    since: Instant,
    shown: Duration,
    is_paused: bool,
}

impl Stopwatch {
    fn now(&self) -> Duration {
        if self.is_paused { self.shown } else { self.shown + self.since.elapsed() }
    }

    fn pause_or_go_on(&mut self) {
        self.shown = self.now();
        self.since = Instant::now();
        self.is_paused = !self.is_paused;
    }
}

impl Scene {
    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn clock(&self) -> MutexGuard<'_, Stopwatch> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch {
    /// Watches until it is told to end.
    ///
    /// # Errors
    /// When the URL is not that of a store front, or the terminal is of no use.
    pub(crate) async fn run(&self) -> anyhow::Result<()> {
        let mut signals = Signals::new()?;
        let sampler = Sampler::new(&self.url).context("an HTTP client cannot be made")?;
        let pace = Pace::new(self.rate);
        let scene = Scene {
            watched: Mutex::new(Watched::new()),
            clock: Mutex::new(Stopwatch { since: Instant::now(), shown: Duration::ZERO, is_paused: false }),
        };
        let end = async {
            match self.duration {
                Some(duration) => tokio::time::sleep(duration).await,
                None => std::future::pending().await,
            }
        };
        let watch = async {
            storefront::reach(&self.url, self.wait).await?;
            scene.clock().since = Instant::now();
            tokio::select! {
                () = keep_sampling(&sampler, &pace, &scene) => Ok(()),
                shown = self.show(&scene) => shown,
                () = end => Ok(()),
            }
        };
        tokio::select! {
            watched = watch => watched?,
            () = signals.next() => {}
        }
        // The picture is gone with its terminal: this much of it stays.
        if io::stdout().is_terminal() {
            let now = scene.clock().now();
            let _closed = writeln!(io::stdout(), "{}", line(&mut scene.watched(), now));
        }
        Ok(())
    }

    async fn show(&self, scene: &Scene) -> anyhow::Result<()> {
        if io::stdout().is_terminal() {
            let mut terminal = Terminal::open()?;
            show_picture(&mut terminal, scene, self.url.as_str()).await
        } else {
            show_lines(scene).await
        }
    }
}

async fn keep_sampling(sampler: &Sampler, pace: &Pace, scene: &Scene) {
    let keep_taking = || async {
        loop {
            pace.turn().await;
            if scene.clock().is_paused {
                continue;
            }
            let sample = sampler.take().await;
            let clock = scene.clock();
            // One that comes in a pause belongs to neither side of it.
            if !clock.is_paused {
                scene.watched().add(clock.now(), sample);
            }
        }
    };
    join_all((0..IN_FLIGHT).map(|_| keep_taking())).await;
}

/// The terminal as a canvas; dropping it gives it back as it was. So does a panic.
struct Terminal(DefaultTerminal);

impl Terminal {
    fn open() -> anyhow::Result<Self> {
        ratatui::try_init()
            .map(Self)
            .context("this terminal cannot show a picture; pipe the output for lines")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

/// Shows the picture until somebody quits.
async fn show_picture(terminal: &mut Terminal, scene: &Scene, url: &str) -> anyhow::Result<()> {
    let is_coloured = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let mut inputs = inputs();
    let mut redraw = interval(REDRAW);
    loop {
        tokio::select! {
            _ = redraw.tick() => {}
            Some(input) = inputs.recv() => if let Input::Key(key) = input && press(key, scene) { return Ok(()) },
        }
        let (now, is_paused) = {
            let clock = scene.clock();
            (clock.now(), clock.is_paused)
        };
        let mut watched = scene.watched();
        if !is_paused {
            watched.notice(now);
        }
        let screen = Screen { url, now, is_paused, is_coloured };
        terminal.0.draw(|frame| screen.draw(frame, &mut watched)).context("the terminal is gone")?;
    }
}

/// Keys, and changes of the terminal's size, as they come. Read by a thread: reading waits.
fn inputs() -> UnboundedReceiver<Input> {
    let (sender, inputs) = unbounded_channel();
    std::thread::spawn(move || while event::read().is_ok_and(|input| sender.send(input).is_ok()) {});
    inputs
}

/// Does what a key says; whether that is to quit.
fn press(key: KeyEvent, scene: &Scene) -> bool {
    match key.code {
        KeyCode::Char('q') | KeyCode::Esc => return true,
        // A terminal that gives each key as it is sends no signal.
        KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => return true,
        KeyCode::Char('r') => scene.watched().reset(),
        KeyCode::Char('p' | ' ') => scene.clock().pause_or_go_on(),
        _ => {}
    }
    false
}

/// Writes a line a second, and one for each event, until nobody reads them.
async fn show_lines(scene: &Scene) -> anyhow::Result<()> {
    let mut every = interval(Duration::from_secs(1));
    every.tick().await;
    let mut told = 0;
    loop {
        every.tick().await;
        let now = scene.clock().now();
        let mut watched = scene.watched();
        watched.notice(now);
        let events = watched.events_since(&mut told);
        let events = events.iter().map(|event| format!("{}  {} {}", clock(event.at), event.mark, event.text));
        let mut lines: Vec<_> = events.collect();
        lines.push(line(&mut watched, now));
        let mut stdout = io::stdout().lock();
        if writeln!(stdout, "{}", lines.join("\n")).and_then(|()| stdout.flush()).is_err() {
            return Ok(());
        }
    }
}

/// All in a line, such as `00:12  240 samples  store front ⬢ 3.0.0 100 %  product service …  0 lost`.
fn line(watched: &mut Watched, now: Duration) -> String {
    let mut parts = vec![clock(now), format!("{} samples", watched.n_samples)];
    for service in SERVICES {
        let releases = watched.releases(service, now);
        let releases = releases.iter().map(|release| {
            let figures = &release.figures;
            let errors =
                if figures.errors > 0 { format!(" {} errors", figures.errors) } else { String::new() };
            let (sign, share) = (Sign::of_release(&release.name), release.share * 100.0);
            format!(
                "{} {} {share:.0} % p95 {:.1} ms{errors}",
                sign.shape,
                release.name,
                figures.percentile(0.95)
            )
        });
        let releases = releases.collect::<Vec<_>>().join(", ");
        parts.push(format!("{}: {releases}", service.name().to_lowercase()));
    }
    parts.push(format!("{} lost", watched.lost()));
    if watched.is_closed() {
        parts.push("the shop is closed".to_owned());
    }
    parts.join("  ")
}

/// Minutes and seconds since the watch began.
fn clock(since: Duration) -> String {
    format!("{:02}:{:02}", since.as_secs() / 60, since.as_secs() % 60)
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate: &f64| *rate >= 0.1 && *rate <= 50.0);
    rate.ok_or_else(|| "takes samples a second, from 0.1 to 50".to_owned())
}
