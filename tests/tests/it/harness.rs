//! The harness itself: what the other tests rely on.

use std::process::Command;

use sava_testbed::{Process, command};

fn shell(script: &str) -> Command {
    let mut shell = command("sh");
    shell.args(["-c", script]);
    shell
}

#[tokio::test]
async fn output_of_both_streams_is_found() {
    let process = Process::spawn("shell", shell("echo to stdout; echo to stderr >&2; exec sleep 600"));
    process.line("to stdout").await;
    process.line("to stderr").await;
}

#[tokio::test]
async fn last_line_is_found_after_the_end() {
    let process = Process::spawn("shell", shell("echo first; printf last"));
    process.line("last").await;
    let exit = process.exit().await;
    assert_eq!((exit.code, exit.output.as_str()), (Some(0), "first\nlast"));
}

#[tokio::test]
async fn dropped_process_is_gone() {
    let process = Process::spawn("shell", shell("echo up; exec sleep 600"));
    process.line("up").await;
    let status = format!("/proc/{}/status", process.id());
    assert!(std::fs::exists(&status).unwrap());
    drop(process);
    assert!(!std::fs::exists(&status).unwrap());
}

#[tokio::test]
#[should_panic(expected = "shell ended before it wrote \"hello\"")]
async fn missing_line_fails_the_test() {
    Process::spawn("shell", shell("exit 3")).line("hello").await;
}

#[tokio::test]
async fn stopped_process_tells_its_end() {
    let process =
        Process::spawn("shell", shell("trap 'echo bye; exit 7' TERM; echo up; while :; do sleep 0.01; done"));
    process.line("up").await;
    let exit = process.stop().await;
    assert_eq!(exit.code, Some(7));
    assert!(exit.output.ends_with("bye"), "{}", exit.output);
}
