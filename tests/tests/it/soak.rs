//! The fault campaign in its short form; `cargo xtask soak` does it at length.

use sava_soak::{Effort, Run};

/// Another seed each time: it stands in the message of a failure, and repeats it.
async fn finds_nothing(run: Run) {
    let report = run.start(Effort::Short, fastrand::u64(..1_000_000_000)).await.expect("the run can be done");
    assert!(report.findings.is_empty(), "{report}");
    // One that does nothing finds nothing.
    let (figure, least) = match run {
        Run::Overload => ("requests served under overload", 100),
        Run::Hostile => ("inputs", 100_000),
        Run::Submits => ("answers to them that named the same order", 300),
        Run::Resolver => ("questions answered wrongly, late or not at all", 10),
        Run::Schema => ("upgrades and roll backs", 2),
        Run::Rollout => ("releases rolled out", 2),
        _ => ("orders acknowledged", 10),
    };
    let count = report.figures.get(figure).copied().unwrap_or_default();
    assert!(count >= least, "too few {figure}: {report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_store_fronts_with_sqlite_lose_no_order() {
    finds_nothing(Run::CrashSqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_store_fronts_and_a_killed_postgresql_lose_no_order() {
    finds_nothing(Run::CrashPostgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_sent_many_times_at_once_is_one_order() {
    finds_nothing(Run::Submits).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_survive_the_power() {
    finds_nothing(Run::PowerLoss).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_network_to_the_product_service_stops_no_shopper() {
    finds_nothing(Run::Network).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_network_to_postgresql_loses_no_order() {
    finds_nothing(Run::Database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shopping_for_long_needs_no_more_than_shopping_for_a_while() {
    finds_nothing(Run::Endurance).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_full_disk_or_a_lost_file_refuses_is_never_acknowledged() {
    finds_nothing(Run::Disk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn overload_is_turned_away_within_the_limit_of_memory() {
    finds_nothing(Run::Overload).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_hostile_inputs_break_nothing() {
    finds_nothing(Run::Hostile).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_costs_no_order() {
    finds_nothing(Run::Clock).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_lead_astray_cost_no_order() {
    finds_nothing(Run::Resolver).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_of_connections_that_is_full_or_restarts_loses_no_order() {
    finds_nothing(Run::Pgbouncer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_release_shows_the_orders_of_each_other() {
    finds_nothing(Run::Schema).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn releases_and_pods_that_come_and_go_cost_no_answer() {
    finds_nothing(Run::Rollout).await;
}
