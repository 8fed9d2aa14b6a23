//! `cargo xtask publish`: builds every release's image and pushes it, with its bill of materials and provenance beside.

use std::{fmt::Write as _, fs, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use xshell::{Shell, cmd};

use crate::{
    docker::Docker,
    images::{Image, SERVICES, ServiceImages, Source},
    test::need,
};

/// Build and push the images of all releases
#[derive(clap::Args)]
pub(crate) struct Publish {
    /// The registry, such as `ghcr.io` or `127.0.0.1:5000` [default: Docker Hub]
    #[arg(long)]
    registry: Option<String>,

    /// The organization (or path) in the registry
    #[arg(long, default_value = "vampio")]
    organization: String,

    /// Only this service; may be given several times
    #[arg(long, value_parser = SERVICES.iter().map(|service| service.name).collect::<Vec<_>>())]
    service: Vec<String>,

    /// Only this release; may be given several times
    #[arg(long)]
    release: Vec<String>,

    /// Push over a release's tag that exists with other content
    #[arg(long)]
    force: bool,

    /// Build, but push nothing
    #[arg(long)]
    build_only: bool,

    /// Only list what would be built and pushed
    #[arg(long, conflicts_with = "build_only")]
    dry_run: bool,

    /// An option for `docker build`, such as `--build-option=--network=host`; may be given several times
    #[arg(long, env = "BUILD_OPTIONS", value_delimiter = ' ', allow_hyphen_values = true)]
    build_option: Vec<String>,

    /// Where to write the digests, bills of materials and provenance
    #[arg(long, default_value = "target/publish")]
    output: PathBuf,
}

/// A pushed or built image.
struct Published {
    name: String,
    tags: Vec<String>,
    bytes: u64,
    /// The digest of its manifest in the registry, once it is there.
    digest: Option<String>,
}

impl Publish {
    /// Builds all, checks all, and only then pushes.
    #[expect(clippy::print_stdout, reason = "the table is what the command is asked for")]
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let images = self.images()?;
        if self.dry_run {
            for image in &images {
                println!("{}", self.references(image).join(" "));
            }
            return Ok(ExitCode::SUCCESS);
        }
        std::env::set_current_dir(crate::workspace::root())?;
        let docker = Docker::find()?;
        let source = Source::of_checkout(&docker.shell)?;
        for image in &images {
            image.build(&docker, &self.references(image)[0], &source, &self.build_option)?;
        }
        if !self.build_only && !self.force {
            self.refuse_other_content(&docker, &images)?;
        }
        let mut published = Vec::new();
        for image in &images {
            published.push(self.tag_and_push(&docker, image)?);
        }
        fs::create_dir_all(&self.output).with_context(|| format!("cannot make {}", self.output.display()))?;
        for service in
            SERVICES.iter().filter(|service| images.iter().any(|image| image.service == service.name))
        {
            self.write_bill_of_materials(&docker.shell, service)?;
        }
        self.write_digests(&published, &source)?;
        print_table(&published);
        println!("Digests, bills of materials and provenance are in {}.", self.output.display());
        Ok(ExitCode::SUCCESS)
    }

    fn images(&self) -> anyhow::Result<Vec<Image>> {
        let mut images = Image::all();
        for release in &self.release {
            if !images.iter().any(|image| image.release == release) {
                let releases: Vec<_> =
                    images.iter().map(|image| format!("{} {}", image.service, image.release)).collect();
                bail!("there is no release {release}; there are {}", releases.join(", "));
            }
        }
        images.retain(|image| {
            (self.service.is_empty() || self.service.iter().any(|service| service == image.service))
                && (self.release.is_empty() || self.release.iter().any(|release| release == image.release))
        });
        Ok(images)
    }

    /// The image's full names, that of the release first.
    fn references(&self, image: &Image) -> Vec<String> {
        let registry = self.registry.as_ref().map(|registry| format!("{}/", registry.trim_end_matches('/')));
        let name = format!("{}{}/{}", registry.unwrap_or_default(), self.organization, image.service);
        let tags = std::iter::once(image.release).chain(image.floating_tags.iter().map(String::as_str));
        tags.map(|tag| format!("{name}:{tag}")).collect()
    }

    /// A release's tag means one thing for ever: fails where one is taken by an image with other content. The
    /// floating tags (`2.0`, `2`, `latest`) are there to be moved.
    fn refuse_other_content(&self, docker: &Docker, images: &[Image]) -> anyhow::Result<()> {
        let mut taken = Vec::new();
        for image in images {
            let reference = &self.references(image)[0];
            let ours = docker.command(["image", "inspect", "--format", "{{.Id}}", reference]).read()?;
            let Some(manifest) = self.remote_manifest(docker, reference)? else { continue };
            if !manifest.contains(&ours) {
                taken.push(reference.clone());
            }
        }
        match taken.as_slice() {
            [] => Ok(()),
            _ => bail!(
                "nothing was pushed: {} in the registry already, with other content; give the release a new version, or push over it with --force",
                taken.join(", ")
            ),
        }
    }

    /// The manifest of `reference` in the registry, which names the content by its digests; `None` if the tag is free.
    fn remote_manifest(&self, docker: &Docker, reference: &str) -> anyhow::Result<Option<String>> {
        let is_local = self.registry.as_ref().is_some_and(|registry| {
            ["localhost", "127.0.0.1", "[::1]"]
                .iter()
                .any(|host| registry.split(':').next() == Some(host) || registry.starts_with(host))
        });
        let insecure: &[&str] = if is_local { &["--insecure"] } else { &[] };
        let output = docker
            .command(["manifest", "inspect", "--verbose"])
            .env("DOCKER_CLI_EXPERIMENTAL", "enabled")
            .args(insecure)
            .arg(reference)
            .ignore_status()
            .output()?;
        if output.status.success() {
            return Ok(Some(String::from_utf8(output.stdout)?));
        }
        let message = String::from_utf8_lossy(&output.stderr);
        if message.contains("no such manifest")
            || message.contains("manifest unknown")
            || message.contains("not found")
        {
            return Ok(None);
        }
        bail!("cannot ask the registry for {reference}: {}", message.trim())
    }

    fn tag_and_push(&self, docker: &Docker, image: &Image) -> anyhow::Result<Published> {
        let references = self.references(image);
        let release = &references[0];
        let name = release.rsplit_once(':').map_or(release.as_str(), |(name, _)| name).to_owned();
        for reference in &references[1..] {
            docker.command(["tag", release, reference]).run()?;
        }
        let mut digest = None;
        if !self.build_only {
            for reference in &references {
                docker.command(["push", "--quiet", reference]).run()?;
            }
            let digests = docker
                .command(["image", "inspect", "--format", "{{join .RepoDigests \"\\n\"}}", release])
                .read()?;
            digest =
                digests.lines().find_map(|line| line.strip_prefix(&format!("{name}@"))).map(str::to_owned);
        }
        let bytes = docker.command(["image", "inspect", "--format", "{{.Size}}", release]).read()?.parse()?;
        let tags = references
            .iter()
            .filter_map(|reference| Some(reference.rsplit_once(':')?.1.to_owned()))
            .collect();
        Ok(Published { name, tags, bytes, digest })
    }

    /// A `CycloneDX` bill of materials of what the binary is linked from, by cargo-cyclonedx.
    fn write_bill_of_materials(&self, shell: &Shell, service: &ServiceImages) -> anyhow::Result<()> {
        let (cyclonedx, manifest) = (need::cargo_cyclonedx()?, format!("{}/Cargo.toml", service.folder));
        let json = ["--format", "json", "--spec-version", "1.5", "--override-filename", "bom"];
        cmd!(shell, "{cyclonedx} cyclonedx {json...} --no-build-deps --manifest-path {manifest}")
            .quiet()
            .run()?;
        // It writes one beside each manifest of the workspace.
        let target = self.output.join(format!("{}.cdx.json", service.name));
        fs::copy(format!("{}/bom.json", service.folder), &target).context("cargo-cyclonedx wrote no file")?;
        for manifest in fs::read_dir(".")?.chain(fs::read_dir("tools")?).filter_map(Result::ok) {
            let _ = fs::remove_file(manifest.path().join("bom.json"));
        }
        Ok(())
    }

    /// `digests.txt`, a line an image: its tag and its name by digest; and a statement of provenance (SLSA v1) for each.
    fn write_digests(&self, published: &[Published], source: &Source) -> anyhow::Result<()> {
        let mut lines = String::new();
        for image in published {
            let Some(digest) = &image.digest else { continue };
            let (name, tag) = (&image.name, &image.tags[0]);
            let _ = writeln!(lines, "{name}:{tag} {name}@{digest}");
            let service = name.rsplit('/').next().unwrap_or(name);
            let file = self.output.join(format!("{service}-{tag}.provenance.json"));
            let statement = provenance(image, digest, source);
            fs::write(&file, serde_json::to_string_pretty(&statement)?)
                .with_context(|| format!("cannot write {}", file.display()))?;
        }
        let file = self.output.join("digests.txt");
        fs::write(&file, lines).with_context(|| format!("cannot write {}", file.display()))
    }
}

/// An in-toto statement (v1) with a SLSA provenance predicate (v1): what was built, from what, and how.
fn provenance(image: &Published, digest: &str, source: &Source) -> Value {
    let hash = digest.strip_prefix("sha256:").unwrap_or(digest);
    let service = image.name.rsplit('/').next().unwrap_or(&image.name);
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": image.name, "digest": { "sha256": hash } }],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "https://mobyproject.org/buildkit@v1",
                "externalParameters": {
                    "dockerfile": "docker/Dockerfile",
                    "args": { "SERVICE": service, "RELEASE": image.tags[0], "REVISION": source.revision, "SOURCE_DATE_EPOCH": source.epoch.to_string() },
                },
                "resolvedDependencies": [{ "uri": "git+file:.", "digest": { "gitCommit": source.revision } }],
            },
            "runDetails": { "builder": { "id": "cargo xtask publish" } },
        },
    })
}

#[expect(clippy::print_stdout, reason = "the table is what the command is asked for")]
fn print_table(published: &[Published]) {
    let width = published.iter().map(|image| image.name.len()).max().unwrap_or_default();
    println!("{:width$}  {:<28}  {:>8}  DIGEST", "IMAGE", "TAGS", "SIZE");
    for image in published {
        // Sizes in MB are always small enough for a float to be exact.
        #[expect(clippy::cast_precision_loss, reason = "megabytes with two digits")]
        let megabytes = image.bytes as f64 / 1e6;
        let digest = image.digest.as_deref().unwrap_or("(not pushed)");
        println!("{:width$}  {:<28}  {megabytes:>5.2} MB  {digest}", image.name, image.tags.join(" "));
    }
}
