//! `cargo xtask tutorial`: does what k8s/README.md says, and compares what it sees with what the text promises.

mod compare;
mod shell;
mod text;

use std::{
    collections::HashMap,
    io::Write as _,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use clap::Args;

use crate::workspace;
use shell::{Background, Shell};
use text::{Action, How, Kind, Step};

/// Do what k8s/README.md says, step by step, against the cluster that kubectl points to, and compare
///
/// Everything that is printed or served must be what the text promises. It works on a copy of your kubectl
/// configuration, and takes away at the end what it made.
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Tutorial {
    /// Context of kubectl's configuration [default: the current one]
    #[arg(long)]
    context: Option<String>,

    /// Namespace instead of the one in the text
    #[arg(short, long)]
    namespace: Option<String>,

    /// Where the images are, instead of `vampio`: a registry and an organization, such as localhost:5000/vampio
    #[arg(long)]
    registry: Option<String>,

    /// Wait for Enter before each step
    #[arg(long)]
    pause: bool,

    /// Begin with this step; the cluster must be as the step before left it
    #[arg(long, value_name = "STEP", default_value_t = 1)]
    from: usize,

    /// End after this step, and leave everything as it is then
    #[arg(long, value_name = "STEP")]
    until: Option<usize>,

    /// Undo each step that says how, and do it again
    #[arg(long)]
    undo: bool,

    /// Leave everything as it is when a step fails
    #[arg(long)]
    keep: bool,

    /// Only list the steps
    #[arg(long)]
    list: bool,

    /// Port of `kubectl proxy` instead of 8001; 0 is any that is free
    #[arg(long, default_value_t = 8001)]
    port: u16,

    /// How long a promise may take to come true where one may have to look again
    #[arg(long, hide = true, default_value = "90s", value_parser = humantime::parse_duration)]
    patience: Duration,

    /// Folder that has k8s/README.md and what it names [default: the repository]
    #[arg(long, hide = true)]
    root: Option<PathBuf>,
}

impl Tutorial {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let root = self.root.clone().unwrap_or_else(|| workspace::root().to_owned());
        let path = root.join("k8s/README.md");
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        let steps = text::read(&text).with_context(|| path.display().to_string())?;
        if self.list {
            for step in &steps {
                println!("{}", step.title);
            }
            return Ok(ExitCode::SUCCESS);
        }
        ensure!((1..=steps.len()).contains(&self.from), "--from: there are steps 1 to {}", steps.len());
        let mut reader = Reader::new(self, &root)?;
        let last = self.until.unwrap_or(steps.len());
        for step in steps.iter().take(last) {
            let result = reader.step(step, step.number < self.from, self);
            if let Err(error) = result {
                eprintln!("\n{} failed: {error:#}", step.title);
                if !self.keep
                    && let Some(last) = steps.last().filter(|it| it.number != step.number)
                {
                    eprintln!("Cleaning up ({}).", last.title);
                    // The first failure is what counts.
                    let _ = reader.clean_up(last);
                }
                return Ok(ExitCode::FAILURE);
            }
        }
        println!("\nAll of it is as the text says: {} steps.", last + 1 - self.from);
        Ok(ExitCode::SUCCESS)
    }
}

/// One who follows the text.
struct Reader {
    shell: Shell,
    terminals: Vec<Background>,
    root: PathBuf,
    environment: HashMap<String, String>,
    /// What stands otherwise in this run than in the text: its files, the namespace, the registry, the port.
    otherwise: Vec<(String, String)>,
    /// How long a promise may take to come true.
    patience: Duration,
    /// Holds kubectl's configuration and the manifests with other images.
    _directory: tempfile::TempDir,
}

impl Reader {
    fn new(options: &Tutorial, root: &Path) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        // Files of the text are files of this run: several may be under way on one machine.
        let mut otherwise = vec![("/tmp/".to_owned(), format!("{}/", directory.path().display()))];
        if let Some(namespace) = &options.namespace {
            otherwise.push(("vampio-organization-environment".to_owned(), namespace.clone()));
        }
        let port = match options.port {
            0 => TcpListener::bind("127.0.0.1:0")?.local_addr()?.port(),
            port => port,
        };
        otherwise.push(("8001".to_owned(), port.to_string()));
        if let Some(registry) = &options.registry {
            let manifests = directory.path().join("tutorial");
            copy_with_images(&root.join("k8s/tutorial"), &manifests, registry)?;
            otherwise.push(("k8s/tutorial/".to_owned(), format!("{}/", manifests.display())));
            otherwise.push(("vampio/sava-".to_owned(), format!("{registry}/sava-")));
        }
        let config = directory.path().join("config");
        let mut view = Command::new("kubectl");
        view.args(["config", "view", "--raw", "--minify", "--flatten"]);
        view.args(options.context.iter().map(|it| format!("--context={it}")));
        let view = view.output().context("kubectl does not start")?;
        ensure!(
            view.status.success(),
            "kubectl points to no cluster: {}",
            String::from_utf8_lossy(&view.stderr)
        );
        std::fs::write(&config, view.stdout)?;
        let environment = HashMap::from([("KUBECONFIG".to_owned(), config.display().to_string())]);
        let shell = Shell::start(root, &environment)?;
        Ok(Self {
            shell,
            terminals: Vec::new(),
            root: root.to_owned(),
            environment,
            otherwise,
            patience: options.patience,
            _directory: directory,
        })
    }

    fn step(&mut self, step: &Step, skipped: bool, options: &Tutorial) -> anyhow::Result<()> {
        if skipped {
            return self.actions(step, |how| matches!(how, How::Always | How::Terminal));
        }
        println!("\n{}", step.title);
        if options.pause {
            print!("(Enter) ");
            std::io::stdout().flush()?;
            std::io::stdin().read_line(&mut String::new())?;
        }
        let start = Instant::now();
        let done = |how| !matches!(how, How::Undo | How::Elsewhere);
        self.actions(step, done)?;
        let is_undo = |it: &Action| matches!(it.kind, Kind::Run { how: How::Undo, .. });
        if options.undo && step.actions.iter().any(is_undo) {
            println!("    (undone, and done again)");
            self.actions(step, |how| how == How::Undo)?;
            self.actions(step, |how| done(how) && how != How::Terminal)?;
        }
        println!("    (took {:.0} s)", start.elapsed().as_secs_f64());
        Ok(())
    }

    fn actions(&mut self, step: &Step, wanted: impl Fn(How) -> bool) -> anyhow::Result<()> {
        for action in &step.actions {
            let how = if let Kind::Run { how, .. } = action.kind { how } else { How::Once };
            if wanted(how) {
                self.act(&action.kind).with_context(|| format!("line {}", action.line))?;
            }
        }
        Ok(())
    }

    /// What takes everything away again; it may be there only in part.
    fn clean_up(&mut self, last: &Step) -> anyhow::Result<()> {
        for action in &last.actions {
            if let Kind::Run { script, how: How::Once | How::Always, .. } = &action.kind {
                self.shell.run(&self.here(script))?;
            }
        }
        Ok(())
    }

    fn act(&mut self, kind: &Kind) -> anyhow::Result<()> {
        match kind {
            Kind::Run { script, how, prints } => {
                let script = self.here(script);
                let prints = prints.as_deref().map(|it| self.here(it));
                for line in script.lines() {
                    println!("    $ {line}");
                }
                self.run_block(&script, *how, prints.as_deref())
            }
            Kind::File { path, block, whole } => self.compare_file(path, block, *whole),
            Kind::See { url, text } => self.see(&self.here(url), &self.here(text)),
        }
    }

    fn run_block(&mut self, script: &str, how: How, prints: Option<&str>) -> anyhow::Result<()> {
        let differs =
            |output: &str, tolerance| prints.and_then(|it| compare::difference(it, output, tolerance));
        if how == How::Terminal {
            let terminal = Background::run(script, &self.root, &self.environment)?;
            let output = terminal.output(self.patience, |it| differs(it, 0).is_none());
            self.terminals.push(terminal);
            return differs(&output, 0).map_or(Ok(()), |it| bail!("{script}{it}"));
        }
        let deadline = Instant::now() + self.patience;
        loop {
            let done = self.shell.run(script)?;
            for line in done.output.lines() {
                println!("    {line}");
            }
            let problem = match how {
                How::Fails if done.failed == 0 => Some("it is meant to fail, and did not".to_owned()),
                How::Fails => None,
                _ if done.failed != 0 => Some(format!("exit code {}\n{}", done.failed, done.output)),
                _ => None,
            };
            let tolerance = if let How::Again { tolerance } = how { tolerance } else { 0 };
            let Some(problem) = problem.or_else(|| differs(&done.output, tolerance)) else { return Ok(()) };
            if !matches!(how, How::Again { .. }) || Instant::now() > deadline {
                bail!("{script}{problem}");
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    fn compare_file(&self, path: &Path, block: &str, whole: bool) -> anyhow::Result<()> {
        let file =
            std::fs::read_to_string(self.root.join(path)).with_context(|| path.display().to_string())?;
        if whole {
            ensure!(file == block, "the block is not {}", path.display());
        } else {
            // Parts may be shown less deep than they stand in the file.
            let flat = |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join("\n");
            ensure!(flat(&file).contains(&flat(block)), "these lines are not in {}", path.display());
        }
        Ok(())
    }

    fn see(&mut self, url: &str, text: &str) -> anyhow::Result<()> {
        println!("    {url}: {text}");
        let deadline = Instant::now() + self.patience;
        loop {
            let page = self.shell.run(&format!("curl -sS \"{url}\"\n"))?;
            if page.failed == 0 && page.output.contains(text) {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("{url} does not contain {text:?}:\n{}", page.output);
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// A piece of the text as it is for this run.
    fn here(&self, text: &str) -> String {
        self.otherwise.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    }
}

/// The manifests with their images from another registry.
fn copy_with_images(from: &Path, to: &Path, registry: &str) -> anyhow::Result<()> {
    std::fs::create_dir(to)?;
    for entry in std::fs::read_dir(from)? {
        let path = entry?.path();
        let manifest =
            std::fs::read_to_string(&path)?.replace("image: vampio/", &format!("image: {registry}/"));
        std::fs::write(to.join(path.file_name().context("a file has a name")?), manifest)?;
    }
    Ok(())
}
