//! The images there are: which service in which releases, and how each is tagged and built.

use anyhow::Context as _;
use xshell::{Shell, cmd};

use crate::docker::Docker;

/// A service and the releases that it has an image of.
pub(crate) struct ServiceImages {
    /// The name of its image, its package and its binary.
    pub(crate) name: &'static str,
    /// The folder of its package.
    pub(crate) folder: &'static str,
    /// The releases to show and to use, oldest first.
    good: &'static [&'static str],
    /// The releases that no floating tag leads to: bad on purpose, or of a lesson that one takes knowingly.
    untagged: &'static [&'static str],
}

/// All images. docker/docker-bake.hcl has the same list, and the services' own tables of releases: a test holds them
/// together.
pub(crate) const SERVICES: &[ServiceImages] = &[
    ServiceImages {
        name: "sava-product",
        folder: "sava-product",
        good: &["1.0.3", "2.0.1", "3.0.0"],
        untagged: &["2.0.2-crash", "2.0.2-errors", "2.0.2-leak", "2.0.2-slow", "2.1.0-breaking"],
    },
    ServiceImages {
        name: "sava-cart",
        folder: "sava-cart",
        good: &["1.0.5", "2.0.4", "3.0.0"],
        untagged: &["3.1.0", "3.2.0", "3.0.1-broken", "3.1.1-narrow"],
    },
    ServiceImages { name: "sava-contract", folder: "contract", good: &["3.0.0"], untagged: &[] },
    ServiceImages { name: "sava-shoppers", folder: "tools/shoppers", good: &["3.0.0"], untagged: &[] },
];

/// The release of a service that a person names.
///
/// # Errors
/// When there is none: the message lists those there are.
pub(crate) fn release(service: &str, text: &str) -> Result<String, String> {
    let of = SERVICES.iter().find(|it| it.name == service).expect("the list has every service");
    let releases: Vec<_> = of.good.iter().chain(of.untagged).copied().collect();
    if releases.contains(&text) {
        return Ok(text.to_owned());
    }
    Err(format!("there is no such release of {service}; there are {}", releases.join(", ")))
}

/// One image to build.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) service: &'static str,
    pub(crate) release: &'static str,
    /// The other tags that it has: `2.0`, `2` and `latest` in their usual sense. Some have none.
    pub(crate) floating_tags: Vec<String>,
}

impl Image {
    /// All images, in the order in which to build them.
    pub(crate) fn all() -> Vec<Self> {
        SERVICES
            .iter()
            .flat_map(|service| {
                let releases = service.good.iter().chain(service.untagged);
                releases.map(|release| Self {
                    service: service.name,
                    release,
                    floating_tags: floating_tags(release, service.good),
                })
            })
            .collect()
    }

    /// Builds the image as `name`; what the images of one service have in common is built once and cached.
    pub(crate) fn build(
        &self,
        docker: &Docker,
        name: &str,
        source: &Source,
        options: &[String],
    ) -> anyhow::Result<()> {
        let arguments = [
            format!("SERVICE={}", self.service),
            format!("RELEASE={}", self.release),
            format!("REVISION={}", source.revision),
            format!("SOURCE_DATE_EPOCH={}", source.epoch),
            format!("CREATED={}", source.created),
        ];
        let load: &[&str] = if docker.has_buildx { &["--load"] } else { &[] };
        let arguments = arguments.iter().flat_map(|argument| ["--build-arg", argument]);
        docker
            .command(["build", "-f", "docker/Dockerfile", "-t", name])
            .args(load)
            .args(arguments)
            .args(options)
            .arg(".")
            .run()
            .with_context(|| format!("the build of {name} failed"))
    }
}

/// The tags that `release` has beside its own, given all good releases of its service.
fn floating_tags(release: &str, good: &[&str]) -> Vec<String> {
    let newest_of = |prefix: &str| good.iter().rfind(|other| other.starts_with(prefix)) == Some(&release);
    if !good.contains(&release) {
        return Vec::new();
    }
    let mut parts = release.splitn(3, '.');
    let (major, minor) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let mut tags = Vec::new();
    if newest_of(&format!("{major}.{minor}.")) {
        tags.push(format!("{major}.{minor}"));
    }
    if newest_of(&format!("{major}.")) {
        tags.push(major.to_owned());
    }
    if newest_of("") {
        tags.push("latest".to_owned());
    }
    tags
}

/// What the images say of their source.
pub(crate) struct Source {
    /// The git revision, with `-dirty` where files differ from it.
    pub(crate) revision: String,
    /// `SOURCE_DATE_EPOCH`, else the time of the last commit, in seconds since 1970.
    pub(crate) epoch: u64,
    /// The same by RFC 3339.
    pub(crate) created: String,
}

impl Source {
    /// Reads it from git.
    pub(crate) fn of_checkout(shell: &Shell) -> anyhow::Result<Self> {
        let epoch = match std::env::var("SOURCE_DATE_EPOCH") {
            Ok(epoch) => epoch,
            Err(_) => cmd!(shell, "git log -1 --format=%ct").quiet().read()?,
        };
        let epoch: u64 =
            epoch.parse().with_context(|| format!("SOURCE_DATE_EPOCH={epoch} is not a number of seconds"))?;
        let at = format!("@{epoch}");
        let created = cmd!(shell, "date -u -d {at} +%Y-%m-%dT%H:%M:%SZ").quiet().read()?;
        let revision = cmd!(shell, "git describe --always --abbrev=40 --exclude=* --dirty").quiet().read()?;
        Ok(Self { revision, epoch, created })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(release: &str) -> Vec<String> {
        floating_tags(release, &["1.0.3", "2.0.1", "2.1.0", "2.1.4", "3.0.0"])
    }

    #[test]
    fn newest_release_is_latest() {
        assert_eq!(tags("3.0.0"), ["3.0", "3", "latest"]);
    }

    #[test]
    fn newest_of_a_line_has_its_tags() {
        assert_eq!(tags("2.0.1"), ["2.0"]);
        assert_eq!(tags("2.1.4"), ["2.1", "2"]);
        assert_eq!(tags("2.1.0"), [""; 0]);
    }

    #[test]
    fn bad_release_moves_no_tag() {
        assert_eq!(tags("3.0.1-broken"), [""; 0]);
    }
}
