//! A class without a cluster: the stand-in control plane for a person with `kubectl`, until Ctrl-C.
#![expect(clippy::print_stdout, reason = "a command speaks to the person who runs it")]

use std::{
    fmt::Write as _,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context as _, ensure};
use clap::Parser;
use sava_testbed::cluster::{ApiServer, Cluster, kubeconfig};
use tokio::signal::unix::{SignalKind, signal};

/// Start a control plane for practice, on this machine alone, until Ctrl-C
///
/// It is not Kubernetes, and its first lines say what it is not; all of the tutorial, k8s/README.md, works with it. It needs
/// Rust and kubectl.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask classroom", bin_name = "cargo xtask classroom", version, max_term_width = 100)]
struct Arguments {
    /// Namespaces to make, each with a kubeconfig that points to it
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=99))]
    students: u8,
}

const WHAT_IT_IS_NOT: &str = "\
This is not Kubernetes. It is a stand-in to practise with: one program that answers kubectl as far as the tutorial
needs. Its pods are processes of this machine, without containers, images, nodes, quotas or Pod Security, and no
NodePort is open. It has no users and no passwords: who reaches it runs commands as you do, so it listens on 127.0.0.1
alone. It knows neither k8s/base nor the overlays, which are for a cluster. It forgets all when it ends.
";

#[tokio::main]
async fn main() -> ExitCode {
    match teach(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn teach(arguments: &Arguments) -> anyhow::Result<()> {
    ensure!(
        is_there("kubectl", "version"),
        "kubectl is not on this machine: https://kubernetes.io/docs/tasks/tools/"
    );
    // From the beginning, so that no signal ends it without what comes at the end.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let folder = tempfile::tempdir().context("a temporary folder cannot be made")?;
    let cluster = Cluster::start().await;
    print!("{}", welcome(&cluster, folder.path(), arguments.students)?);
    std::io::stdout().flush().context("nobody reads what the classroom says")?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    drop(cluster);
    folder.close().context("its folder cannot be taken away")?;
    println!("\nThe class is over; nothing of it is left.");
    Ok(())
}

/// Whether a program is here: it can be started with this argument.
fn is_there(program: &str, argument: &str) -> bool {
    let mut command = Command::new(program);
    command.arg(argument).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok()
}

/// Whether PostgreSQL is here, where its pod looks for it: in Debian's place, or in the PATH.
fn has_postgresql() -> bool {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    versions.into_iter().any(|version| version.path().join("bin/postgres").exists())
        || is_there("postgres", "--version")
}

/// Writes the files that point to the cluster into `folder`, makes what they point to, and says how to begin.
fn welcome(cluster: &ApiServer, folder: &Path, n_students: u8) -> anyhow::Result<String> {
    let write = |name: &str, namespace: &str| -> anyhow::Result<PathBuf> {
        let path = folder.join(format!("{name}.yaml"));
        std::fs::write(&path, kubeconfig(cluster, namespace)).with_context(|| path.display().to_string())?;
        Ok(path)
    };
    let teacher = write("teacher", "default")?;
    let mut text = format!(
        "{WHAT_IT_IS_NOT}\nIn each terminal that you use, in the folder of this repository:\n\n  export KUBECONFIG={}\n  \
         kubectl get namespace default\n\nThen go on with step 2 of k8s/README.md.\n",
        teacher.display()
    );
    if !has_postgresql() {
        text.push_str("PostgreSQL is not on this machine: step 17 says what to type in its place.\n");
    }
    if n_students > 0 {
        text.push_str("\nA student each, who skips `kubectl create namespace`, as it is there:\n\n");
    }
    for number in 1..=n_students {
        let namespace = format!("student-{number:02}");
        cluster.add_namespace(&namespace);
        let config = write(&namespace, &namespace)?;
        writeln!(text, "  export KUBECONFIG={} NS={namespace}", config.display())?;
    }
    text.push_str("\nCtrl-C ends the class, and takes away all that is in it.\n");
    Ok(text)
}
