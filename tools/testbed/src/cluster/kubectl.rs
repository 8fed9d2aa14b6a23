//! The real `kubectl`, pointed at a stand-in, and the real `kubectl proxy`.

use std::path::{Path, PathBuf};
use std::process::Output;

use crate::{Process, command};

use super::api::ApiServer;

/// The text of a kubeconfig that points to `server` and to a namespace of it.
#[must_use]
pub fn kubeconfig(server: &ApiServer, namespace: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: stand-in\n\
         clusters:\n- name: stand-in\n  cluster: {{ server: {} }}\n\
         users:\n- name: reader\n  user: {{}}\n\
         contexts:\n- name: stand-in\n  context: {{ cluster: stand-in, user: reader, namespace: {namespace} }}\n",
        server.url()
    )
}

/// A `kubectl` with a configuration of its own, which knows one cluster.
#[derive(Debug)]
pub struct Kubectl {
    directory: tempfile::TempDir,
}

impl Kubectl {
    /// One that talks to `server`, in the namespace `default`.
    #[must_use]
    pub fn new(server: &ApiServer) -> Self {
        Self::with(&kubeconfig(server, "default"))
    }

    /// One with this configuration, the text of a kubeconfig.
    #[must_use]
    pub fn with(config: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(directory.path().join("config"), config).expect("a file in a temporary folder");
        Self { directory }
    }

    /// The file for the environment variable `KUBECONFIG`.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.directory.path().join("config")
    }

    /// A folder for what kubectl remembers between calls, apart from the user's own (`HOME`).
    #[must_use]
    pub fn home(&self) -> &Path {
        self.directory.path()
    }

    /// Runs it in the root of the repository and returns what it printed, whether it succeeded or not.
    pub async fn output(&self, arguments: &[&str]) -> Output {
        tokio::process::Command::new("kubectl")
            .args(arguments)
            .env("KUBECONFIG", self.config())
            .env("HOME", self.home())
            .current_dir(crate::binaries::root())
            .output()
            .await
            .expect("kubectl is installed")
    }

    /// Runs it and returns what it printed; panics with its messages if it fails.
    pub async fn run(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments).await;
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kubectl {} failed: {errors}", arguments.join(" "));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Starts `kubectl proxy` on a free port.
    pub async fn proxy(&self) -> KubectlProxy {
        let mut command = command("kubectl");
        command.args(["proxy", "--port=0"]).env("KUBECONFIG", self.config()).env("HOME", self.home());
        let process = Process::spawn("kubectl proxy", command);
        let address = process
            .find("its address", |line| line.strip_prefix("Starting to serve on ").map(ToOwned::to_owned))
            .await;
        let port = address.rsplit(':').next().and_then(|it| it.parse().ok()).expect("an address with a port");
        KubectlProxy { _process: process, port }
    }
}

/// A running `kubectl proxy`; dropping it ends it.
#[derive(Debug)]
pub struct KubectlProxy {
    _process: Process,
    /// Its port on 127.0.0.1 and on localhost.
    pub port: u16,
}

impl KubectlProxy {
    /// A Service's URL as the tutorial has it, ending in a slash: on `localhost`, as browsers know it.
    #[must_use]
    pub fn service(&self, namespace: &str, service: &str) -> String {
        let port = self.port;
        format!("http://localhost:{port}/api/v1/namespaces/{namespace}/services/{service}/proxy/")
    }

    /// A pod's URL, ending in a slash.
    #[must_use]
    pub fn pod(&self, namespace: &str, pod: &str) -> String {
        let port = self.port;
        format!("http://localhost:{port}/api/v1/namespaces/{namespace}/pods/{pod}/proxy/")
    }
}
