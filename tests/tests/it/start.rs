//! A service that cannot start says what is wrong, where, and what it takes; its exit code says whose fault it is: 2 for
//! a setting, 1 for what the setting points to.

use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt as _, path::Path};

use sava_testbed::{Cart, Exit, Process, Product, binaries, command};

#[track_caller]
fn check(exit: &Exit, code: i32, expected: &[&str]) {
    assert_eq!(exit.code, Some(code), "{}", exit.output);
    for text in expected {
        assert!(exit.output.contains(text), "{text:?} is not in: {}", exit.output);
    }
    assert!(!exit.output.contains("panicked"), "{}", exit.output);
}

#[tokio::test]
async fn setting_that_cannot_be_read_is_named_with_its_value() {
    for (variable, value, flag) in [
        ("LISTEN", "port eighty", "--listen"),
        ("ADMIN_LISTEN", "8081", "--admin-listen"),
        ("SAVA_RELEASE", "9.9.9", "--release"),
        ("MAX_CONNECTION_AGE", "5 parsecs", "--max-connection-age"),
        ("FAULT_ERROR_RATE", "lots", "--fault-error-rate"),
        ("FAULT_DELAY", "a while", "--fault-delay"),
        ("LOG_FORMAT", "xml", "--log-format"),
    ] {
        check(&Product::start().env(variable, value).exit().await, 2, &[flag, value]);
        check(&Cart::start().env(variable, value).exit().await, 2, &[flag, value]);
    }
    check(&Product::start().env("CACHE_MAX_AGE", "soon").exit().await, 2, &["--cache-max-age", "soon"]);
    for (variable, value, flag) in [
        ("LOCALE", "no such place!", "--locale"),
        ("PRODUCT_SERVICE_ADDR", "ftp://sava-product", "--product-service"),
        ("PUBLIC_URL", "nowhere", "--public-url"),
        ("STORES", "Elsewhere", "--stores"),
        ("DATABASE_URL", "mysql://orders", "DATABASE_URL"),
    ] {
        check(&Cart::start().env(variable, value).exit().await, 2, &[flag]);
    }
}

#[tokio::test]
async fn unknown_release_lists_those_there_are() {
    let exit = Product::start().release("4.0.0").exit().await;
    check(&exit, 2, &["4.0.0", "1.0.3", "2.0.1", "3.0.0", "2.0.2-slow"]);
    let exit = Cart::start().release("1.0.3").exit().await;
    check(&exit, 2, &["1.0.3", "1.0.5", "2.0.4", "3.0.0", "3.0.1-broken"]);
}

#[tokio::test]
async fn shared_database_needs_a_shared_key() {
    let exit = Cart::start().env("DATABASE_URL", "postgres://sava:hunter2@127.0.0.1/sava").exit().await;
    check(&exit, 2, &["COOKIE_KEY"]);
    assert!(!exit.output.contains("hunter2"), "a secret is in: {}", exit.output);
}

/// A `/` as it is ends the host within the password: its tail became the name of a database, which messages show.
#[tokio::test]
async fn password_that_is_not_encoded_is_refused_and_not_shown() {
    for raw in ["12/hunter2", "12?hunter2", "1@x/hunter2"] {
        let url = format!("postgres://shop:{raw}@127.0.0.1:9/shop");
        let exit = Cart::start().env("DATABASE_URL", url).env("COOKIE_KEY", "5a".repeat(64)).exit().await;
        check(&exit, 2, &["DATABASE_URL=…", "/ as %2F"]);
        assert!(!exit.output.contains("hunter2"), "a secret is in: {}", exit.output);
    }
}

#[tokio::test]
async fn secrets_that_cannot_be_read_are_not_repeated() {
    let exit = Cart::start().env("COOKIE_KEY", "hunter2").exit().await;
    check(&exit, 2, &["COOKIE_KEY"]);
    assert!(!exit.output.contains("hunter2"), "a secret is in: {}", exit.output);
}

fn set_mode(file: &Path, mode: u32) {
    fs::set_permissions(file, fs::Permissions::from_mode(mode))
        .expect("the mode of one's own file can be set");
}

#[tokio::test]
async fn wrong_secrets_are_named_with_all_other_mistakes_and_not_shown() {
    let exit = Cart::start()
        .env("DATABASE_URL", "mysql://shop:s3cret@db/shop")
        .env("COOKIE_KEY", "hunter2")
        .env("LOCALE", "no such place!")
        .exit()
        .await;
    check(
        &exit,
        2,
        &["DATABASE_URL=…", "takes sqlite:FILE", "COOKIE_KEY=…", "64 random bytes", "LOCALE=no such"],
    );
    assert!(!exit.output.contains("s3cret") && !exit.output.contains("hunter2"), "{}", exit.output);
}

/// Checks that a store front warned of the key file, and told nobody the key.
#[track_caller]
fn check_key_warning(exit: &Exit, file: &Path, mode: &str) {
    let file_name = file.to_str().expect("the path is UTF-8");
    check(exit, 0, &["WARN", file_name, mode, "chmod 600"]);
    let key = fs::read_to_string(file).expect("the key file can be read");
    assert!(!exit.output.contains(key.trim()), "the key is in: {}", exit.output);
}

#[tokio::test]
async fn given_key_file_that_others_can_read_is_warned_of() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let file = directory.path().join("cookies");
    fs::write(&file, "5a".repeat(64)).expect("a file can be written");
    let start = || Cart::start().env("COOKIE_KEY_FILE", &file);
    for (mode, shown) in [(0o644, "0644"), (0o640, "0640"), (0o604, "0604")] {
        set_mode(&file, mode);
        check_key_warning(&start().await.stop().await, &file, shown);
    }
    for mode in [0o600, 0o400] {
        set_mode(&file, mode);
        let exit = start().await.stop().await;
        assert!(!exit.output.contains("key file"), "{mode:o}: {}", exit.output);
    }
}

#[tokio::test]
async fn key_beside_the_database_that_others_can_read_is_warned_of() {
    let database = tempfile::tempdir().expect("a temporary directory can be made");
    let url = format!("sqlite:{}", database.path().join("orders.db").display());
    let key = database.path().join("orders.key");
    let start = || Cart::start().env("DATABASE_URL", &url);
    let exit = start().await.stop().await;
    assert!(!exit.output.contains("key file"), "one that it made itself: {}", exit.output);
    set_mode(&key, 0o644);
    check_key_warning(&start().await.stop().await, &key, "0644");
}

#[tokio::test]
async fn store_front_started_by_hand_keeps_its_state_out_of_the_way() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let home = tempfile::tempdir().expect("a temporary directory can be made");
    let start = || {
        let mut start = command(binaries::path("sava-cart"));
        start.env_clear().current_dir(directory.path()).env("LISTEN", "127.0.0.1:0");
        start.env("ADMIN_LISTEN", "127.0.0.1:0");
        start
    };
    let mut by_hand = start();
    by_hand.env("HOME", home.path());
    let process = Process::spawn("by hand", by_hand);
    process.line("orders can be written").await;
    process.stop().await;
    let state = home.path().join(".local/state/sava");
    for (path, mode) in [(state.clone(), 0o700), (state.join("sava-cart.key"), 0o600)] {
        let metadata = fs::metadata(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(metadata.permissions().mode() & 0o777, mode, "{}", path.display());
    }
    assert!(state.join("sava-cart.db").exists());
    let litter: Vec<_> = fs::read_dir(directory.path()).expect("it can be read").collect();
    assert!(litter.is_empty(), "{litter:?}");

    let exit = Process::spawn("homeless", start()).exit().await;
    check(&exit, 2, &["DATABASE_URL is not set", "XDG_STATE_HOME", "HOME"]);
}

#[tokio::test]
async fn port_in_use_is_named_with_its_flag() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("a listener has an address").to_string();
    for (variable, flag) in [("LISTEN", "--listen"), ("ADMIN_LISTEN", "--admin-listen")] {
        check(&Product::start().env(variable, &address).exit().await, 1, &[flag, &address]);
        check(&Cart::start().env(variable, &address).exit().await, 1, &[flag, &address]);
    }
}

#[tokio::test]
async fn missing_or_broken_data_are_named_with_their_place() {
    let data = tempfile::tempdir().expect("a temporary directory can be made");
    let missing = data.path().join("nowhere");
    check(&Product::start().data(&missing).exit().await, 1, &["nowhere"]);

    let file = data.path().join("db.json");
    std::fs::write(
        &file,
        "{\"products\": [\n  {\"id\": 1, \"locale\": \"ie\", \"title\": \"a\", \"price\": \"12\"}\n]}",
    )
    .expect("a file can be written");
    check(&Product::start().data(data.path()).exit().await, 1, &["db.json", "2", "price"]);
}

#[tokio::test]
async fn releases_are_listed_with_what_they_are_for() {
    for (program, release, meaning) in [
        ("sava-product", "2.0.2-slow", "bad on purpose: answers after"),
        ("sava-cart", "3.0.1-broken", "bad on purpose: its checkout fails"),
    ] {
        let mut asked = command(binaries::path(program));
        asked.args(["--release", "help"]);
        let exit = Process::spawn(program, asked).exit().await;
        assert_eq!(exit.code, Some(0), "{}", exit.output);
        let line = exit.output.lines().find(|line| line.starts_with(release));
        assert!(line.is_some_and(|line| line.contains(meaning)), "{}", exit.output);
    }
}

#[tokio::test]
async fn every_program_says_its_version() {
    let version = regex_lite::Regex::new(r"^[a-z -]+ \d+\.\d+\.\d+$").unwrap();
    for program in [
        "sava-product",
        "sava-cart",
        "sava-shoppers",
        "sava-contract",
        "sava-demo",
        "sava-classroom",
        "xtask",
    ] {
        let mut asked = command(binaries::path(program));
        asked.arg("--version");
        let exit = Process::spawn(program, asked).exit().await;
        assert_eq!(exit.code, Some(0), "{program}: {}", exit.output);
        assert!(version.is_match(exit.output.trim_end()), "{program}: {}", exit.output);
    }
}
