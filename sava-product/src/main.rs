//! `sava-product`: the products of the shop as a service.

use std::{process::ExitCode, sync::Arc};

use arc_swap::ArcSwap;
use sava_product::{
    AppState, Disk, Source, check, respond, router,
    settings::{Command, Settings},
    watch,
};
use sava_service::{Identity, Metrics, Readiness, Service, health, settings, telemetry};

fn main() -> ExitCode {
    let settings: Settings = settings::parse("[::]:8080", "127.0.0.1:8081", &Settings::releases());
    let done = match &settings.command {
        Some(Command::Check { data }) => check(data),
        Some(Command::Health) => health::check(settings.server.listen),
        None => serve(settings),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sava-product: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn serve(settings: Settings) -> anyhow::Result<()> {
    let (service_metrics, readiness) = (Metrics::new(), Readiness::default());
    let levels = settings.server.log_levels.clone();
    let _logs = telemetry::start(settings.server.log_format, levels, &service_metrics.registry);
    let source = settings.api.data.clone().map_or(Source::Embedded, Source::Directory);
    let disk = Disk::default();
    let catalog = Arc::new(ArcSwap::from_pointee(source.load_to_start(&disk).await?));
    let metrics = Arc::new(sava_product::ApiMetrics::new(&service_metrics.registry));
    metrics.serves(&catalog.load());
    tokio::spawn(watch(source, disk, Arc::clone(&catalog), Arc::clone(&metrics), readiness.clone()));
    let identity = Identity::new("sava-product", settings.api.release.version);
    let state = AppState::new(&settings.api, &identity, catalog, metrics)?;
    let service = Service {
        identity,
        settings: settings.server,
        faults: settings.api.release.faults.clone(),
        readiness,
        metrics: service_metrics,
        version: state.version(),
        error: respond,
    };
    service.run(router(state)).await
}
