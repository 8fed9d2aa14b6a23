//! The scenes of `cargo xtask demo`, played to their ends.

use sava_testbed::{Exit, Process, answer, binaries, client, command};

async fn play(scene: &str) -> Exit {
    let mut demo = command(binaries::path("sava-demo"));
    // Its services are those of these tests, built once.
    let _built = binaries::path("sava-cart");
    demo.args([scene, "--pace", "4"]).env("SAVA_TESTS_BUILT", "1");
    let exit = Process::spawn("demo", demo).exit().await;
    assert_eq!(exit.code, Some(0), "{}", exit.output);
    exit
}

#[tokio::test]
async fn canary_goes_to_everybody() {
    let exit = play("canary").await;
    assert!(exit.output.contains("Release 2.0.1 to everybody"), "{}", exit.output);
}

#[tokio::test]
async fn failing_release_is_rolled_back() {
    let exit = play("rollback").await;
    assert!(exit.output.contains("2.0.2-errors is WORSE than 2.0.1"), "{}", exit.output);
}

#[tokio::test]
async fn each_bad_release_is_stopped_and_the_good_one_is_not() {
    let exit = play("bad-release").await;
    for text in [
        "406 Not Acceptable",
        "GET /readyz: 503",
        "2.0.2-slow is WORSE",
        "2.0.2-errors is WORSE",
        "40 requests:",
        "3.0.1-broken is WORSE",
    ] {
        assert!(exit.output.contains(text), "no {text:?} in {}", exit.output);
    }
}

#[tokio::test]
async fn media_types_are_told_apart() {
    let exit = play("media-type").await;
    for text in [
        "application/vnd.sava.v1+json, deprecated since 2 March 2026",
        "application/vnd.sava.v3+json",
        "     \"title\": \"Single-speed fixie\",",
        "406",
        "All three stores are open",
    ] {
        assert!(exit.output.contains(text), "no {text:?} in {}", exit.output);
    }
}

/// Somebody looks at the view that is open on it. `script` (of util-linux) gives it a terminal, a FIFO somebody who types
/// nothing. It is a narrow one: lines are wrapped, and seconds counted down.
#[tokio::test]
async fn stage_stays_when_a_scene_is_over() {
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let program = binaries::path("sava-demo");
    let _built = binaries::path("sava-cart");
    let mut demo = command("sh");
    let line = format!("stty cols 50 && {} media-type --pace 1", program.display());
    demo.args(["-c", "mkfifo keys && exec script --quiet --command \"$0\" /dev/null <> keys", &line]);
    demo.current_dir(folder.path()).env("SAVA_TESTS_BUILT", "1");
    let demo = Process::spawn("demo", demo);
    let store = |line: &str| Some(line.split_once("store          ")?.1.trim().to_owned());
    let store = demo.find("where the store is", store).await;
    demo.line("Enter takes the stage down").await;
    assert_eq!(answer(client().get(store)).await.status(), 200);
    let output = demo.output();
    assert!(output.contains("\r\x1b[K   1 s\r\x1b[K"), "{output:?}");
    assert!(output.contains("2. A version that there is not: 406, and the\n   answer"), "{output:?}");
}

/// Without a terminal words in lines say what happens; a file of them is played to its end.
#[tokio::test]
async fn free_stage_does_what_it_is_told() {
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let words = "share 30\nerrors\nslow\nnonsense\nkill\nmore\nerrors\nslow\nreset\nless\nend\nshare 99\n";
    std::fs::write(folder.path().join("words"), words).expect("a file can be written");
    let program = binaries::path("sava-demo");
    let _built = binaries::path("sava-cart");
    let mut demo = command("sh");
    demo.args(["-c", "exec \"$0\" free < words"]).arg(program).current_dir(folder.path());
    demo.env("SAVA_TESTS_BUILT", "1");
    let exit = Process::spawn("demo", demo).exit().await;
    assert_eq!(exit.code, Some(0), "{}", exit.output);
    let states: Vec<_> =
        exit.output.lines().filter_map(|line| line.trim().strip_prefix("3.0.0 has ")).collect();
    let expected = [
        "  0 % and is well",
        " 30 % and is well",
        " 30 % and is failing",
        " 30 % and is failing and slow",
        " 30 % and is killed",
        " 35 % and is failing and slow",
        " 35 % and is slow",
        " 35 % and is well",
        "  0 % and is well",
        "  0 % and is well",
    ];
    assert_eq!(states, expected, "{}", exit.output);
    assert_eq!(
        exit.output.matches("as in the beginning").count(),
        2,
        "the list is shown again for what is no word"
    );
}
