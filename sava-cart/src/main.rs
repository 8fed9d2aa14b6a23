//! `sava-cart`: the store front of the shop.

use std::{process::ExitCode, sync::Arc};

use sava_cart::{
    AppState, pages,
    settings::{Command, Settings},
    shoppers,
};
use sava_service::{Identity, Metrics, Readiness, Service, settings, telemetry};

#[tokio::main]
async fn main() -> ExitCode {
    let settings: Settings = settings::parse("0.0.0.0:3000", "127.0.0.1:3081");
    if let Some(Command::Shoppers(shoppers)) = &settings.command {
        return shoppers::run(shoppers).await;
    }
    telemetry::start(settings.server.log_format);
    let checked = match settings.check() {
        Ok(checked) => checked,
        Err(error) => {
            tracing::error!("{error:#}");
            return ExitCode::from(2);
        }
    };
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
    match service.run(pages::router(state)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
