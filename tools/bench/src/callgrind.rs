//! Counts the instructions of a process by valgrind's callgrind.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, ensure};

/// Starts a program so that it is counted: with one thread for tokio, and connections that stay.
pub(crate) fn command(program: &Path, folder: &Path) -> Command {
    let at = folder.display();
    let mut command = Command::new("valgrind");
    command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command.env("TOKIO_WORKER_THREADS", "1").env("MAX_CONNECTION_AGE", "0s");
    command.args(["--tool=callgrind", "--quiet", "--fair-sched=try"]);
    command.arg(format!("--callgrind-out-file={at}/counts")).arg(format!("--vgdb-prefix={at}/vgdb"));
    command.arg(program);
    command
}

/// The instructions of the process `id`, which [`command`] started with this folder, since this was called before.
pub(crate) fn take(id: u32, folder: &Path) -> anyhow::Result<u64> {
    let before = counts(folder)?.len();
    let dump = Command::new("vgdb")
        .arg(format!("--vgdb-prefix={}/vgdb", folder.display()))
        .arg(format!("--pid={id}"))
        .arg("dump")
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .status();
    ensure!(dump.context("cannot start vgdb, a part of valgrind")?.success(), "vgdb does not reach {id}");
    let counts = counts(folder)?;
    ensure!(counts.len() == before + 1, "callgrind has written no counts");
    let newest = counts.iter().max().context("there is one more")?;
    let text = fs::read_to_string(folder.join(format!("counts.{newest}")))?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
    Ok(total.context("callgrind tells totals")?.parse()?)
}

/// The numbers of the files with counts.
fn counts(folder: &Path) -> anyhow::Result<Vec<u32>> {
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name()));
    let names = names.collect::<std::io::Result<Vec<_>>>()?;
    Ok(names.iter().filter_map(|name| name.to_str()?.strip_prefix("counts.")?.parse().ok()).collect())
}
