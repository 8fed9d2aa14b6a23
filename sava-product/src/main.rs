//! The products of the shop as a service.

use std::{process::ExitCode, sync::Arc};

use arc_swap::ArcSwap;
use sava_product::{
    App,
    catalog::Source,
    check::check,
    problems, router,
    settings::{Command, Settings},
    version::version,
};
use sava_service::{Identity, Metrics, Readiness, Service, settings, telemetry};

fn main() -> ExitCode {
    let settings: Settings = settings::parse("0.0.0.0:8080", "127.0.0.1:8081");
    let done = match &settings.command {
        Some(Command::Check { data }) => check(data),
        None => serve(&settings),
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
async fn serve(settings: &Settings) -> anyhow::Result<()> {
    telemetry::start(settings.server.log_format);
    let source = settings.api.data.clone().map_or(Source::Embedded, Source::Directory);
    let catalog = Arc::new(ArcSwap::from_pointee(source.load_to_start()?));
    let app = App::new(&settings.api, catalog);
    let service = Service {
        identity: Identity::new("sava-product", settings.api.release.version),
        settings: settings.server.clone(),
        readiness: Readiness::default(),
        metrics: Metrics::new(),
        version: version(&app),
        error: problems::respond,
    };
    service.run(router(app)).await
}
