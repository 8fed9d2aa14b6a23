//! `sava-cart`: the store front of the shop.

use std::{process::ExitCode, sync::Arc};

use sava_cart::{
    AppState, pages,
    settings::{Command, Settings},
    shoppers,
};
use sava_service::{Identity, Metrics, Readiness, Service, health, settings, telemetry};

#[tokio::main]
async fn main() -> ExitCode {
    let settings: Settings = settings::parse("0.0.0.0:3000", "127.0.0.1:3081");
    let done = match &settings.command {
        Some(Command::Shoppers(shoppers)) => return shoppers::run(shoppers).await,
        Some(Command::Health) => health::check(settings.server.listen),
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
    let checked = settings.check();
    telemetry::start(settings.server.log_format, settings.server.log_levels.clone());
    let identity = Identity::new("sava-cart", settings.release.version);
    let (readiness, metrics) = (Readiness::default(), Metrics::new());
    let state = AppState::new(&settings, &checked, &identity, &readiness, &metrics);
    tokio::spawn(state.orders.clone().watch(readiness.clone(), state.metrics.clone()));
    let told = state.clone();
    let service = Service {
        identity,
        settings: settings.server,
        readiness,
        metrics,
        version: Arc::new(move |_| told.version()),
        error: pages::fault::server_error,
    };
    service.run(pages::router(state)).await
}
