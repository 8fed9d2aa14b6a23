//! The Docker engine of the images' tests.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use sava_testbed::binaries;

/// A client of an engine that runs, has no image, and reaches no registry; it writes down what it is asked.
const CLIENT: &str = r#"#!/bin/sh
echo "$*" >> "$ASKED"
case $1 in
  --version) echo 'Docker version 20.10.24, build 0' ;;
  version) echo 20.10.24 ;;
  *) exit 1 ;;
esac
"#;

#[test]
fn running_engine_gets_no_stand_in() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (client, asked) = (folder.path().join("docker"), folder.path().join("asked"));
    fs::write(&client, CLIENT).expect("a file in a temporary folder");
    fs::set_permissions(&client, fs::Permissions::from_mode(0o755)).expect("a file of ours");
    let output = Command::new(binaries::path("xtask"))
        .arg("footprint")
        .env("DOCKER", &client)
        .env("ASKED", &asked)
        .output()
        .expect("xtask starts");
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(
        message.contains("rust:") && message.contains("is not in the Docker engine that runs"),
        "{message}"
    );
    assert_eq!(output.status.code(), Some(1));
    let asked = fs::read_to_string(&asked).expect("the client was asked");
    assert!(asked.contains("pull --quiet rust:") && !asked.contains("import"), "{asked}");
}
