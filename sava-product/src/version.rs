//! What `/version` tells: the release, the versions of the API, and which catalog is sold from.

use std::sync::Arc;

use sava_service::Identity;
use serde_json::{Value, json};

use crate::{app::App, representation::Version};

/// What answers `/version`, at each request anew.
#[must_use]
pub fn version(app: &App) -> Arc<dyn Fn(&Identity) -> Value + Send + Sync> {
    let app = app.clone();
    Arc::new(move |identity| {
        let catalog = app.catalog.load();
        let api_versions: Vec<_> = app.release.api_versions.iter().copied().map(Version::name).collect();
        json!({
            "service": identity.service,
            "release": identity.release,
            "instance": identity.instance,
            "revision": identity.revision,
            "apiVersions": api_versions,
            "catalog": {
                "digest": catalog.digest,
                "loadedAt": humantime::format_rfc3339_seconds(catalog.loaded_at).to_string(),
                "source": catalog.source,
            },
        })
    })
}
