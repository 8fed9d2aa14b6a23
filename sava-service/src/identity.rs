//! Who answers: the one source of what every answer, log line and metric says of its release.

use axum::http::HeaderValue;
use serde::Serialize;

/// The service, its release and the instance that runs it.
#[derive(Clone, Debug, Serialize)]
pub struct Identity {
    /// `sava-product` or `sava-cart`.
    pub service: &'static str,
    /// The version of the release, such as `2.0.1`.
    pub release: String,
    /// The pod's name: `POD_NAME` (by the downward API), else `HOSTNAME`, else the service's name and the process id.
    pub instance: String,
    /// The git revision that was built: `SAVA_REVISION`, which the images set, or `unknown`. A variable rather than
    /// something compiled in, so that the images of two revisions with the same code share their layers.
    pub revision: String,
}

impl Identity {
    /// The identity of this process.
    #[must_use]
    pub fn new(service: &'static str, release: &str) -> Self {
        let variable = |name| {
            std::env::var(name).ok().filter(|value| HeaderValue::from_str(value).is_ok() && !value.is_empty())
        };
        let instance = variable("POD_NAME")
            .or_else(|| variable("HOSTNAME"))
            .unwrap_or_else(|| format!("{service}-{}", std::process::id()));
        Self {
            service,
            release: release.to_owned(),
            instance,
            revision: variable("SAVA_REVISION").unwrap_or_else(|| "unknown".to_owned()),
        }
    }
}
