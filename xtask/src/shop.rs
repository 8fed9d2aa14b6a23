//! `cargo xtask shop`: the whole shop on this machine.

mod code;
mod plan;
mod service;

use std::{
    io::IsTerminal as _,
    net::IpAddr,
    path::PathBuf,
    process::{Command, ExitCode},
    sync::mpsc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use clap::Args;
use xshell::cmd;

use crate::{images, workspace};
use plan::Planned;
use service::{Event, Screen, ServiceProcess};

/// How long the services may take to be ready.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long they may take to end before they are killed: the drain of the services, and a little more.
const GRACE: Duration = Duration::from_secs(12);

/// Build the shop and run it: sava-product, and a store front for Ireland and for the United Kingdom
///
/// Orders and the cookie keys are kept from one run to the next.
#[derive(Args, Clone)]
pub(crate) struct Shop {
    /// Release of sava-product [default: the newest]
    #[arg(long, value_name = "RELEASE", value_parser = |text: &str| images::release("sava-product", text))]
    product_release: Option<String>,

    /// Release of sava-cart; give it several times to have several releases of both stores side by side [default: the newest]
    #[arg(long, value_name = "RELEASE", value_parser = |text: &str| images::release("sava-cart", text))]
    cart_release: Vec<String>,

    /// Port of sava-product; the next one is for its metrics
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    product_port: u16,

    /// Port of the first store; the others follow it, and their metrics are 81 ports above
    #[arg(long, value_name = "PORT", default_value_t = 3000)]
    cart_port: u16,

    /// Address on which the shop is open; 0.0.0.0 lets other machines in (a phone, say), :: those of IPv6 too
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    host: IpAddr,

    /// Open the shop in a browser
    #[arg(long)]
    open: bool,

    /// Folder for orders and cookie keys [default: target/shop]
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,

    /// Run what was built before
    #[arg(long)]
    no_build: bool,

    /// Build profile: `release`, that of the images, takes minutes longer to build and is faster then
    #[arg(long, default_value = "dev")]
    profile: String,
}

impl Shop {
    /// Runs the shop until Ctrl-C, or until one of its services ends.
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let plan = plan::plan(self)?;
        plan::check_ports(&plan)?;
        if !self.no_build {
            self.build()?;
        }

        let (events, inbox) = mpsc::channel();
        let interrupts = events.clone();
        ctrlc::set_handler(move || {
            // The receiver is gone only when everything has ended.
            let _ = interrupts.send(Event::Interrupted);
        })
        .context("Ctrl-C cannot be handled")?;

        let width = plan.iter().map(|planned| planned.name.len()).max().unwrap_or(0);
        let screen = Screen::closed();
        let mut services = Vec::new();
        let result = plan
            .iter()
            .enumerate()
            .try_for_each(|(index, planned)| {
                let profile = &self.profile;
                services.push(ServiceProcess::start(index, planned, profile, width, &screen, &events)?);
                anyhow::Ok(())
            })
            .and_then(|()| self.serve(&plan, &mut services, &screen, &inbox));
        // What was said before the shop could open says why it did not.
        screen.open(|_| true);
        // Stores first: none of them then complains that its products are gone.
        services.reverse();
        stop(&mut services, &inbox);
        result.map(|()| {
            println!("\nThe shop is closed.");
            ExitCode::SUCCESS
        })
    }

    fn build(&self) -> anyhow::Result<()> {
        println!("Building the shop ({} profile)…", self.profile);
        let (shell, profile) = (workspace::shell()?, &self.profile);
        cmd!(shell, "cargo build --profile {profile} --package sava-product --package sava-cart")
            .quiet()
            .run()?;
        Ok(())
    }

    /// Waits until all are ready, says where they are, and waits for the end.
    fn serve(
        &self,
        plan: &[Planned],
        services: &mut [ServiceProcess],
        screen: &Screen,
        inbox: &mpsc::Receiver<Event>,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let mut waiting = plan.iter().collect::<Vec<_>>();
        while !waiting.is_empty() {
            waiting.retain(|planned| !planned.is_ready());
            match inbox.recv_timeout(Duration::from_millis(50)) {
                Ok(Event::Interrupted) => return Ok(()),
                Ok(Event::Ended(index)) => bail!("{}", services[index].exit_report()),
                Err(_) => {}
            }
            if let Some(late) = waiting.first().filter(|_| Instant::now() > deadline) {
                bail!("{} was not ready within {} s", late.name, PATIENCE.as_secs());
            }
        }
        println!("{}", plan::table(plan));
        if let Some(code) = plan::link_for_phones(plan).filter(|_| colours()).and_then(|link| code::of(&link))
        {
            println!("{code}");
        }
        // Where all listen is in the table, which their saying so would push off the screen.
        screen.open(|line| !line.contains(" INFO"));
        if self.open {
            open(&plan::front_door(plan));
        }
        match inbox.recv() {
            Ok(Event::Ended(index)) => bail!("{}", services[index].exit_report()),
            Ok(Event::Interrupted) | Err(_) => Ok(()),
        }
    }
}

/// Asks all to end, waits for it, and kills what has not ended in time, or at a second Ctrl-C.
fn stop(services: &mut [ServiceProcess], inbox: &mpsc::Receiver<Event>) {
    for service in services.iter_mut() {
        service.terminate();
    }
    let deadline = Instant::now() + GRACE;
    while services.iter_mut().any(|service| !service.has_ended()) {
        match inbox.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(Event::Ended(_)) => {}
            Ok(Event::Interrupted) | Err(_) => break,
        }
    }
    for service in services {
        service.kill();
    }
}

fn open(url: &str) {
    // Linux, macOS, Windows' Linux.
    let opener = ["xdg-open", "open", "wslview"].into_iter().find_map(workspace::find);
    let is_open = opener.is_some_and(|opener| Command::new(opener).arg(url).spawn().is_ok());
    if !is_open {
        println!("No browser could be opened here: visit {url}");
    }
}

/// Whether colours help: on a terminal whose user did not say otherwise.
fn colours() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}
