//! `sava-product`: the products of the shop as a service.

use std::{process::ExitCode, sync::Arc};

use arc_swap::ArcSwap;
use sava_product::{
    App, catalog,
    catalog::Source,
    check::check,
    metrics, problems, router,
    settings::{Command, Settings},
    version::version,
};
use sava_service::{Identity, Metrics, Readiness, Service, health, settings, telemetry};

fn main() -> ExitCode {
    let settings: Settings = settings::parse("0.0.0.0:8080", "127.0.0.1:8081");
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
async fn serve(mut settings: Settings) -> anyhow::Result<()> {
    telemetry::start(settings.server.log_format, settings.server.log_levels.clone());
    settings.server.faults = settings.api.release.faults.clone();
    let source = settings.api.data.clone().map_or(Source::Embedded, Source::Directory);
    let catalog = Arc::new(ArcSwap::from_pointee(source.load_to_start()?));
    let (service_metrics, readiness) = (Metrics::new(), Readiness::default());
    let metrics = metrics::Metrics::new(&service_metrics.registry);
    metrics.serves(&catalog.load());
    tokio::spawn(catalog::watch(source, catalog.clone(), metrics.clone(), readiness.clone()));
    let app = App::new(&settings.api, catalog, metrics);
    let service = Service {
        identity: Identity::new("sava-product", settings.api.release.version),
        settings: settings.server,
        readiness,
        metrics: service_metrics,
        version: version(&app),
        error: problems::respond,
    };
    service.run(router(app)).await
}
