//! `sava-cart`: the store front of the shop.

use std::{path::Path, process::ExitCode, sync::Arc};

use sava_cart::{
    AppState, cookies, migrate, pages,
    settings::{Command, Settings},
};
use sava_service::{Identity, Metrics, Readiness, Service, faults::Faults, health, settings, telemetry};

#[tokio::main]
async fn main() -> ExitCode {
    let settings: Settings = settings::parse("[::]:3000", "127.0.0.1:3081", &Settings::releases());
    let done = match &settings.command {
        Some(Command::Health) => health::check(settings.server.listen),
        Some(Command::Migrate(migration)) => migrate::migrate(&settings, *migration).await,
        None => serve(settings).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sava-cart: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(settings: Settings) -> anyhow::Result<()> {
    let database = settings.database();
    let (readiness, metrics) = (Readiness::default(), Metrics::new());
    let levels = settings.server.log_levels.clone();
    let _logs = telemetry::start(settings.server.log_format, levels, &metrics.registry);
    // The settings have read the key from there; there was no log yet to warn in.
    if let Some(file) = std::env::var_os("COOKIE_KEY_FILE").filter(|_| settings.cookie_key.is_some()) {
        cookies::key::warn_if_exposed(Path::new(&file));
    }
    if settings.database.is_none() {
        database.make_directory();
    }
    let identity = Identity::new("sava-cart", settings.release.version);
    let state = AppState::new(&settings, &database, &identity, &readiness, &metrics)?;
    state.contract_orders().await?;
    tokio::spawn(state.watch_orders(readiness.clone()));
    let state_for_version = state.clone();
    let service = Service {
        identity,
        settings: settings.server,
        faults: Faults::NONE,
        readiness,
        metrics,
        version: Arc::new(move |_| state_for_version.version()),
        error: pages::server_error,
    };
    let served = service.run(pages::router(state.clone())).await;
    state.close().await;
    served
}
