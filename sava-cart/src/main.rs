//! `sava-cart`: the store front of the shop.

use std::{process::ExitCode, sync::Arc};

use axum::{Router, response::IntoResponse as _};
use sava_cart::{
    AppState,
    catalog::Catalog,
    cookies,
    orders::Orders,
    settings::{Command, Settings},
    shoppers,
};
use sava_service::{Identity, Metrics, Readiness, Service, settings, telemetry};
use serde_json::json;

#[tokio::main]
async fn main() -> ExitCode {
    let settings: Settings = settings::parse("0.0.0.0:3000", "127.0.0.1:3081");
    if let Some(Command::Shoppers(shoppers)) = &settings.command {
        return shoppers::run(shoppers).await;
    }
    let checked = match settings.check() {
        Ok(checked) => checked,
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::from(2);
        }
    };
    telemetry::start(settings.server.log_format);
    let identity = Identity::new("sava-cart", settings.release.version);
    let readiness = Readiness::default();
    let orders = Orders::new(&checked.database);
    tokio::spawn(orders.clone().watch(readiness.clone()));
    let state = AppState {
        release: settings.release,
        identity: identity.clone(),
        catalog: Catalog::new(settings.locale.as_str()),
        orders,
        cookies: cookies::Cookies::new(
            checked.cookie_key.unwrap_or_else(|| checked.database.cookie_key()),
            settings.locale.as_str(),
            settings.is_public_https(),
        ),
        settings: Arc::new(settings.clone()),
    };
    let service = Service {
        identity,
        settings: settings.server.clone(),
        readiness,
        metrics: Metrics::new(),
        version: Arc::new(move |identity| {
            let accepts: Vec<_> = settings.release.accepts.iter().map(|version| version.as_str()).collect();
            json!({
                "service": identity.service,
                "release": identity.release,
                "instance": identity.instance,
                "revision": identity.revision,
                "locale": settings.locale.as_str(),
                "accepts": accepts,
            })
        }),
        error: |problem| problem.into_response(),
    };
    drop(state);
    match service.run(Router::new()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
