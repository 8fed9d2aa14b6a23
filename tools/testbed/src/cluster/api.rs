//! The HTTP face: discovery, the verbs on objects, watches, the proxy subresources.
//!
//! Longer than others: every verb answers for the same call, with the same ways to fail.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::admission;
use super::patch;
use super::protobuf;
use super::proxy::{Proxy, Target};
use super::resource::{self, Resource};
use super::selector::{fields_match, labels_match};
use super::service::service_ip;
use super::status::Status;
use super::store::{Event, Key, ObjectStore, now, suffix};
use super::table;

/// The stand-in's API server by itself: it keeps objects and forwards to what they name, and runs nothing.
/// Dropping it ends it.
#[derive(Debug)]
pub struct ApiServer {
    shared: Arc<ApiState>,
    address: SocketAddr,
    serving: tokio::task::JoinHandle<()>,
}

/// What requests and controllers share.
#[derive(Debug)]
pub(super) struct ApiState {
    pub(super) store: ObjectStore,
    /// Where the output of pods is, a file each.
    pub(super) logs: PathBuf,
    /// Where the volumes of pods are, a folder each.
    pub(super) pods: PathBuf,
    /// Keeps the addresses of two clusters apart.
    pub(super) salt: u64,
    proxy: Proxy,
    /// Kept so that the files stay as long as the API server.
    _directory: tempfile::TempDir,
}

impl ApiServer {
    /// The name of the API server, which applications behind its proxy see as `Host`: it has one on most clusters, and it
    /// is not `localhost`. Nobody resolves it: [`url`](Self::url) has an address.
    pub const HOST: &str = "api.cluster.example:6443";

    /// Starts it on a free port of 127.0.0.1, with the namespace `default`.
    pub async fn start() -> Self {
        let directory = tempfile::tempdir().expect("a temporary folder");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        // PostgreSQL runs as another user, and has to find its folder.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o711);
        std::fs::set_permissions(directory.path(), open).expect("the owner changes a folder's mode");
        let (logs, pods) = (directory.path().join("logs"), directory.path().join("pods"));
        for folder in [&logs, &pods] {
            std::fs::create_dir(folder).expect("a folder in a temporary folder");
        }
        let shared = Arc::new(ApiState {
            store: ObjectStore::default(),
            logs,
            pods,
            salt: fastrand::u64(..),
            proxy: Proxy::new(Self::HOST),
            _directory: directory,
        });
        let app = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        let serving = tokio::spawn(async move {
            axum::serve(listener, app).await.expect("axum serves until it is dropped");
        });
        let server = Self { shared, address, serving };
        server.add_namespace("default");
        server
    }

    /// Where it listens, as `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Adds a namespace.
    pub fn add_namespace(&self, name: &str) {
        self.add("namespaces", "", json!({ "metadata": { "name": name } }));
    }

    /// Adds a Service with one port, whose endpoints are given: whatever listens there. The namespace is made if it
    /// is not there.
    pub fn add_service(
        &self,
        namespace: &str,
        name: &str,
        port: u16,
        port_name: Option<&str>,
        endpoints: &[SocketAddr],
    ) {
        if self.shared.store.get(&Key::new("namespaces", "", namespace)).is_none() {
            self.add_namespace(namespace);
        }
        let mut service_port = json!({ "port": port, "protocol": "TCP", "targetPort": port });
        if let Some(port_name) = port_name {
            service_port["name"] = json!(port_name);
        }
        let service =
            json!({ "metadata": { "name": name }, "spec": { "type": "ClusterIP", "ports": [service_port] } });
        self.add("services", namespace, service);
        self.add("endpoints", namespace, json!({ "metadata": { "name": name }, "subsets": [] }));
        self.set_endpoints(namespace, name, endpoints);
    }

    /// Changes the endpoints of a Service made with [`add_service`](Self::add_service).
    pub fn set_endpoints(&self, namespace: &str, name: &str, endpoints: &[SocketAddr]) {
        let service =
            self.shared.store.get(&Key::new("services", namespace, name)).expect("a Service of this name");
        let port_name = &service["spec"]["ports"][0]["name"];
        let subsets: Vec<_> = endpoints
            .iter()
            .map(|it| {
                json!({
                    "addresses": [{ "ip": it.ip() }],
                    "ports": [{ "name": port_name, "port": it.port(), "protocol": "TCP" }],
                })
            })
            .collect();
        let key = Key::new("endpoints", namespace, name);
        self.shared.store.update(&key, |it| it["subsets"] = json!(subsets));
    }

    /// Adds a pod with one container port, at the address of something that listens there.
    pub fn add_pod(&self, namespace: &str, name: &str, address: SocketAddr) {
        if self.shared.store.get(&Key::new("namespaces", "", namespace)).is_none() {
            self.add_namespace(namespace);
        }
        let container =
            json!({ "name": name, "image": "given", "ports": [{ "containerPort": address.port() }] });
        let pod = json!({
            "metadata": { "name": name }, "spec": { "containers": [container] },
            "status": { "phase": "Running", "podIP": address.ip() },
        });
        self.add("pods", namespace, pod);
    }

    pub(super) fn shared(&self) -> &Arc<ApiState> {
        &self.shared
    }

    fn add(&self, plural: &str, namespace: &str, mut object: Value) {
        let resource = Resource::named(plural);
        admission::fill_in(resource, &mut object);
        let added = self.shared.store.create(resource, namespace, object);
        assert!(added.is_some(), "{plural} of this name exist in {namespace:?}");
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(
    State(shared): State<Arc<ApiState>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response {
    respond(&shared, peer, request).await.unwrap_or_else(IntoResponse::into_response)
}

async fn respond(
    shared: &Arc<ApiState>,
    peer: SocketAddr,
    request: Request<Body>,
) -> Result<Response, Status> {
    if request.headers().contains_key(header::AUTHORIZATION) {
        return Err(Status::new(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized"));
    }
    let path = request.uri().path().to_owned();
    if let Some(target) = Target::parse(&path) {
        return shared.proxy.answer(&target, request, peer, &shared.store).await;
    }
    if let Some(found) = resource::discovery(&path).filter(|_| request.method() == Method::GET) {
        return Ok(json_answer(StatusCode::OK, &found));
    }
    if matches!(path.as_str(), "/healthz" | "/livez" | "/readyz") {
        return Ok("ok".into_response());
    }
    let call = ApiRequest::parse(&path, request.uri().query().unwrap_or_default()).ok_or_else(|| {
        Status::new(StatusCode::NOT_FOUND, "NotFound", "the server could not find the requested resource")
    })?;
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|error| Status::bad_request(error.to_string()))?.to_bytes();
    call.answer(shared, &head.method, &head.headers, &body)
}

/// A request for objects: its path and query, read.
struct ApiRequest {
    resource: &'static Resource,
    namespace: String,
    name: Option<String>,
    subresource: Option<String>,
    query: HashMap<String, String>,
}

impl ApiRequest {
    fn parse(path: &str, query: &str) -> Option<Self> {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (group, version, rest) = match parts[..] {
            ["api", version, ref rest @ ..] => ("", version, rest),
            ["apis", group, version, ref rest @ ..] => (group, version, rest),
            _ => return None,
        };
        let (namespace, rest) = match *rest {
            ["namespaces", namespace, plural, ref rest @ ..] if plural != "status" => {
                (namespace, [&[plural], rest].concat())
            }
            _ => ("", rest.to_vec()),
        };
        let resource = Resource::find(group, version, rest.first()?)?;
        if !resource.namespaced && !namespace.is_empty() {
            return None;
        }
        let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Some(Self {
            resource,
            namespace: namespace.to_owned(),
            name: rest.get(1).map(|it| (*it).to_owned()),
            subresource: rest.get(2).map(|it| (*it).to_owned()),
            query,
        })
    }

    fn answer(
        &self,
        shared: &Arc<ApiState>,
        method: &Method,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<Response, Status> {
        let as_table = headers
            .get(header::ACCEPT)
            .and_then(|it| it.to_str().ok())
            .is_some_and(|accept| accept.contains("as=Table"));
        let kind = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
        let read = || -> Result<Value, Status> {
            if kind == protobuf::MEDIA_TYPE {
                return protobuf::read(body)
                    .ok_or_else(|| Status::bad_request("the stand-in does not read this kind as protobuf"));
            }
            serde_json::from_slice(body).map_err(|error| Status::bad_request(format!("the body: {error}")))
        };
        let dry_run = self.query.contains_key("dryRun");
        match (method, self.name.as_deref(), self.subresource.as_deref()) {
            (&Method::GET, None, _)
                if self.query.get("watch").is_some_and(|it| it != "false" && it != "0") =>
            {
                Ok(self.watch(shared, as_table))
            }
            (&Method::GET, None, _) => Ok(self.list(&shared.store, as_table)),
            (&Method::GET, Some(name), Some("log")) => self.log(shared, name),
            (&Method::GET, Some(name), Some("scale")) => {
                Ok(json_answer(StatusCode::OK, &scale(&self.object(&shared.store, name)?)))
            }
            (&Method::GET, Some(name), None | Some("status")) => {
                let object = self.object(&shared.store, name)?;
                let shown = if as_table { table::of(self.resource, &[object], "") } else { object };
                Ok(json_answer(StatusCode::OK, &shown))
            }
            (&Method::POST, None, _) => self.create(shared, read()?, dry_run),
            (_, Some(_), _) if dry_run && (method != Method::PATCH || self.subresource.is_some()) => {
                Err(Status::bad_request("the stand-in knows dryRun of create and patch only"))
            }
            (&Method::PUT | &Method::PATCH, Some(name), Some("scale")) => {
                self.rescale(&shared.store, name, &read()?)
            }
            (&Method::PUT, Some(name), None) => {
                let new = read()?;
                self.change(&shared.store, name, dry_run, |object| {
                    let metadata = object["metadata"].clone();
                    let status = object["status"].clone();
                    *object = new.clone();
                    for field in ["uid", "creationTimestamp", "generation", "namespace"] {
                        object["metadata"][field] = metadata[field].clone();
                    }
                    object["status"] = status;
                })
            }
            (&Method::PATCH, Some(name), None) => {
                let change = read()?;
                let kind =
                    headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
                match kind {
                    "application/merge-patch+json" => {
                        self.change(&shared.store, name, dry_run, |object| patch::merge(object, &change))
                    }
                    "application/strategic-merge-patch+json" => {
                        self.change(&shared.store, name, dry_run, |object| patch::strategic(object, &change))
                    }
                    _ => Err(Status::new(
                        StatusCode::UNSUPPORTED_MEDIA_TYPE,
                        "UnsupportedMediaType",
                        format!("the stand-in does not know patches of the type {kind:?}"),
                    )),
                }
            }
            (&Method::DELETE, Some(name), None) => self.delete(&shared.store, name),
            _ => Err(Status::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "MethodNotAllowed",
                "the server does not allow this method on the requested resource",
            )),
        }
    }

    fn key(&self, name: &str) -> Key {
        Key::new(self.resource.plural, &self.namespace, name)
    }

    fn object(&self, store: &ObjectStore, name: &str) -> Result<Value, Status> {
        store
            .get(&self.key(name))
            .ok_or_else(|| Status::not_found(self.resource.plural, self.resource.group, name))
    }

    fn selects(&self, object: &Value) -> bool {
        let query = |name| self.query.get(name).map_or("", String::as_str);
        labels_match(query("labelSelector"), &object["metadata"]["labels"])
            && fields_match(query("fieldSelector"), object)
            && (self.namespace.is_empty() || object["metadata"]["namespace"] == self.namespace.as_str())
    }

    fn list(&self, store: &ObjectStore, as_table: bool) -> Response {
        let (version, mut objects) = store.list(self.resource.plural, &self.namespace);
        objects.retain(|it| self.selects(it));
        if as_table {
            return json_answer(StatusCode::OK, &table::of(self.resource, &objects, &version.to_string()));
        }
        let list = json!({
            "kind": format!("{}List", self.resource.kind), "apiVersion": self.resource.api_version(),
            "metadata": { "resourceVersion": version.to_string() }, "items": objects,
        });
        json_answer(StatusCode::OK, &list)
    }

    /// Changes as they come, one JSON object a line, until the client goes or `timeoutSeconds` have passed.
    fn watch(&self, shared: &Arc<ApiState>, as_table: bool) -> Response {
        let asked = self.query.get("resourceVersion").and_then(|it| it.parse::<u64>().ok()).unwrap_or(0);
        let call = Self {
            resource: self.resource,
            namespace: self.namespace.clone(),
            name: None,
            subresource: None,
            query: self.query.clone(),
        };
        let limit = self.query.get("timeoutSeconds").and_then(|it| it.parse().ok()).unwrap_or(600);
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(limit);
        // Without a version a watch begins with what is there.
        let (seen, first) = if asked == 0 {
            let (version, objects) = shared.store.list(self.resource.plural, &self.namespace);
            let objects = objects.into_iter().filter(|it| self.selects(it));
            (version, objects.map(|object| call.line("ADDED", object, as_table)).collect())
        } else {
            (asked, String::new())
        };
        let newest = shared.store.follow();
        let shared = Arc::clone(shared);
        let state = (shared, call, newest, seen, first);
        let lines = futures_util::stream::unfold(state, move |state| async move {
            let (shared, call, mut newest, mut seen, mut text) = state;
            while text.is_empty() {
                newest.borrow_and_update();
                let events = shared.store.since(seen);
                for Event { kind, version, object, .. } in
                    events.into_iter().inspect(|it| seen = it.version).filter(|it| call.sees(it))
                {
                    let _ = version;
                    text.push_str(&call.line(kind, object, as_table));
                }
                if text.is_empty() {
                    match tokio::time::timeout_at(deadline, newest.changed()).await {
                        Ok(Ok(())) => {}
                        _ => return None,
                    }
                }
            }
            let chunk = Ok::<_, Infallible>(Bytes::from(std::mem::take(&mut text)));
            Some((chunk, (shared, call, newest, seen, text)))
        });
        let mut response = Response::new(Body::from_stream(lines));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }

    fn sees(&self, event: &Event) -> bool {
        event.key.plural == self.resource.plural && self.selects(&event.object)
    }

    fn line(&self, kind: &str, object: Value, as_table: bool) -> String {
        let object = if as_table { table::of(self.resource, &[object], "") } else { object };
        format!("{}\n", json!({ "type": kind, "object": object }))
    }

    fn create(&self, shared: &ApiState, mut object: Value, dry_run: bool) -> Result<Response, Status> {
        let store = &shared.store;
        if self.resource.namespaced {
            let namespace = store.get(&Key::new("namespaces", "", &self.namespace));
            let namespace = namespace.ok_or_else(|| Status::not_found("namespaces", "", &self.namespace))?;
            if namespace["status"]["phase"] == "Terminating" {
                let message = format!("namespace {} is being terminated", self.namespace);
                return Err(Status::new(StatusCode::FORBIDDEN, "Forbidden", message));
            }
        }
        if let Some(prefix) = object["metadata"]["generateName"].as_str() {
            let name = format!("{prefix}{}", suffix());
            object["metadata"]["name"] = json!(name);
        }
        admission::check(self.resource, &object)?;
        admission::fill_in(self.resource, &mut object);
        let warning = admission::warning(self.resource, &object);
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        if self.resource.plural == "services" && object["spec"]["clusterIP"].is_null() {
            object["spec"]["clusterIP"] = json!(service_ip(shared.salt, &self.namespace, &name));
        }
        let exists = || {
            let plural = self.resource.plural;
            let of = if self.resource.group.is_empty() {
                plural.to_owned()
            } else {
                format!("{plural}.{}", self.resource.group)
            };
            let message = format!("{of} {name:?} already exists");
            Status::new(StatusCode::CONFLICT, "AlreadyExists", message)
        };
        let created = if dry_run {
            store.get(&self.key(&name)).is_none().then_some(object)
        } else {
            store.create(self.resource, &self.namespace, object)
        };
        let mut response = json_answer(StatusCode::CREATED, &created.ok_or_else(exists)?);
        if let Some(warning) = warning {
            let value = HeaderValue::from_str(&format!("299 - {warning:?}")).expect("plain text");
            response.headers_mut().insert(header::WARNING, value);
        }
        Ok(response)
    }

    fn change(
        &self,
        store: &ObjectStore,
        name: &str,
        dry_run: bool,
        change: impl FnOnce(&mut Value),
    ) -> Result<Response, Status> {
        let key = self.key(name);
        let not_found = || Status::not_found(self.resource.plural, self.resource.group, name);
        let changed = |old: &Value| {
            let mut object = old.clone();
            change(&mut object);
            let (seen, version) =
                (object["metadata"]["resourceVersion"].take(), &old["metadata"]["resourceVersion"]);
            if !seen.is_null() && seen != *version {
                return Err(Status::conflict(self.resource.plural, self.resource.group, name));
            }
            object["metadata"]["resourceVersion"] = version.clone();
            admission::check(self.resource, &object)?;
            admission::check_unchanged(self.resource, old, &object)?;
            admission::fill_in(self.resource, &mut object);
            if !old["status"].is_null() {
                object["status"] = old["status"].clone();
            }
            Ok(object)
        };
        if dry_run {
            let mut object = changed(&store.get(&key).ok_or_else(not_found)?)?;
            // An API server leaves out what is empty.
            if let Some(metadata) = object["metadata"].as_object_mut() {
                metadata.retain(|_, it| it.as_object().is_none_or(|it| !it.is_empty()));
            }
            return Ok(json_answer(StatusCode::OK, &object));
        }
        let stored = store.try_update(&key, |it| {
            *it = changed(it)?;
            Ok(())
        })?;
        Ok(json_answer(StatusCode::OK, &stored.ok_or_else(not_found)?))
    }

    fn rescale(&self, store: &ObjectStore, name: &str, wanted: &Value) -> Result<Response, Status> {
        self.object(store, name)?;
        let replicas = wanted["spec"]["replicas"].as_u64();
        let replicas = replicas.ok_or_else(|| Status::bad_request("a scale has spec.replicas"))?;
        let object = store.update(&self.key(name), |it| it["spec"]["replicas"] = json!(replicas));
        Ok(json_answer(StatusCode::OK, &scale(&object.unwrap_or_default())))
    }

    /// Pods and namespaces are marked and go when what they hold has ended; all else goes at once.
    fn delete(&self, store: &ObjectStore, name: &str) -> Result<Response, Status> {
        let object = self.object(store, name)?;
        let key = self.key(name);
        let gone = match self.resource.plural {
            "pods" | "namespaces" => store.update(&key, |it| {
                if it["metadata"]["deletionTimestamp"].is_null() {
                    it["metadata"]["deletionTimestamp"] = json!(now());
                }
                if self.resource.plural == "namespaces" {
                    it["status"]["phase"] = json!("Terminating");
                }
            }),
            _ => store.remove(&key),
        };
        let gone = gone.unwrap_or(object);
        if self.resource.plural == "pods" {
            return Ok(json_answer(StatusCode::OK, &gone));
        }
        let success = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
            "details": {
                "name": name, "group": self.resource.group, "kind": self.resource.plural,
                "uid": gone["metadata"]["uid"],
            },
        });
        Ok(json_answer(StatusCode::OK, &success))
    }

    /// What a pod wrote so far; `follow` is not known here.
    fn log(&self, shared: &ApiState, name: &str) -> Result<Response, Status> {
        let pod = self.object(&shared.store, name)?;
        if self.query.get("follow").is_some_and(|it| it == "true") {
            return Err(Status::bad_request("the stand-in does not follow logs"));
        }
        let file = shared.logs.join(format!("{}_{name}.log", self.namespace));
        let waiting = pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"].as_str();
        if let Some(reason) = waiting.filter(|_| !file.exists()) {
            let message = format!(
                "container {} in pod {name:?} is waiting to start: {reason}",
                pod["spec"]["containers"][0]["name"]
            );
            return Err(Status::bad_request(message));
        }
        let text = std::fs::read(file).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let tail = self.query.get("tailLines").and_then(|it| it.parse::<usize>().ok());
        let first = tail.map_or(0, |tail| text.lines().count().saturating_sub(tail));
        let text: String = text.split_inclusive('\n').skip(first).collect();
        Ok(([(header::CONTENT_TYPE, "text/plain")], text).into_response())
    }
}

/// The scale subresource of a Deployment or `ReplicaSet`.
fn scale(object: &Value) -> Value {
    let metadata = &object["metadata"];
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"], "creationTimestamp": metadata["creationTimestamp"],
        },
        "spec": { "replicas": object["spec"]["replicas"] },
        "status": { "replicas": object["status"]["replicas"].as_u64().unwrap_or(0) },
    })
}

fn json_answer(status: StatusCode, value: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}
