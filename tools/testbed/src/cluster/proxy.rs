//! The proxy subresources of Services and pods, with what was observed of a real API server's.

use std::net::{IpAddr, SocketAddr};

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use super::rewrite;
use super::status::Status;
use super::store::{Key, ObjectStore};

/// Forwards requests as the API server does.
#[derive(Clone, Debug)]
pub(super) struct Proxy {
    client: Client<HttpConnector, Body>,
    /// The API server's own address, which is the `Host` that applications see.
    host: HeaderValue,
}

/// What stands before `/proxy` in a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) plural: &'static str,
    pub(super) namespace: String,
    pub(super) name: String,
    /// A number, a name, or nothing.
    pub(super) port: String,
    /// `/api/v1/namespaces/NS/services/NAME/proxy`, as the client wrote it.
    pub(super) prefix: String,
    /// What follows the prefix, as the client wrote it: empty, or it starts with a slash.
    pub(super) rest: String,
}

impl Target {
    /// Reads a path; `None` if it is not one of a proxy subresource.
    pub(super) fn parse(path: &str) -> Option<Self> {
        let mut parts = path.splitn(9, '/');
        let mut next = || parts.next();
        if (next()?, next()?, next()?, next()?) != ("", "api", "v1", "namespaces") {
            return None;
        }
        let (namespace, plural, id, verb) = (next()?, next()?, next()?, next()?);
        let plural = ["services", "pods"].into_iter().find(|it| *it == plural)?;
        if verb != "proxy" {
            return None;
        }
        let prefix = format!("/api/v1/namespaces/{namespace}/{plural}/{id}/proxy");
        let rest = path[prefix.len()..].to_owned();
        let id = percent_encoding::percent_decode_str(id).decode_utf8_lossy().into_owned();
        let (name, port) = match id.split(':').collect::<Vec<_>>()[..] {
            [name] => (name, ""),
            [name, port] | ["http" | "", name, port] => (name, port),
            _ => return None,
        };
        Some(Self {
            plural,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            port: port.to_owned(),
            prefix,
            rest,
        })
    }

    /// Picks the address that this request goes to, at random where there are several.
    fn resolve(&self, store: &ObjectStore) -> Result<SocketAddr, Status> {
        let key = Key::new(self.plural, &self.namespace, &self.name);
        let object = store.get(&key).ok_or_else(|| Status::not_found(self.plural, "", &self.name))?;
        if self.plural == "pods" { self.pod(&object) } else { self.service(&object, store) }
    }

    fn pod(&self, pod: &Value) -> Result<SocketAddr, Status> {
        let first = &pod["spec"]["containers"][0]["ports"][0]["containerPort"];
        let port = if self.port.is_empty() {
            first.as_u64().and_then(|it| it.try_into().ok()).unwrap_or(80)
        } else {
            self.port.parse().map_err(|_| Status::bad_request(format!("invalid port {:?}", self.port)))?
        };
        let address: Option<IpAddr> = pod["status"]["podIP"].as_str().and_then(|ip| ip.parse().ok());
        let address = address.ok_or_else(|| Status::bad_request("address not allowed"))?;
        Ok(SocketAddr::new(address, port))
    }

    fn service(&self, service: &Value, store: &ObjectStore) -> Result<SocketAddr, Status> {
        let none = || Status::unavailable(format!("no endpoints available for service {:?}", self.name));
        let ports = service["spec"]["ports"].as_array().cloned().unwrap_or_default();
        // Without a port in the path only a port without a name is found, on real API servers too.
        let port_name = match self.port.parse::<u64>() {
            Ok(number) => ports
                .iter()
                .find(|it| it["port"].as_u64() == Some(number))
                .map(|it| it["name"].as_str().unwrap_or_default().to_owned())
                .ok_or_else(|| {
                    Status::unavailable(format!("no service port {number} found for service {:?}", self.name))
                })?,
            Err(_) => self.port.clone(),
        };
        let endpoints = store.get(&Key::new("endpoints", &self.namespace, &self.name)).ok_or_else(none)?;
        let mut addresses = Vec::new();
        for subset in endpoints["subsets"].as_array().into_iter().flatten() {
            let ports = subset["ports"].as_array().into_iter().flatten();
            for port in ports.filter(|it| it["name"].as_str().unwrap_or_default() == port_name) {
                addresses.extend(subset["addresses"].as_array().into_iter().flatten().filter_map(|it| {
                    let ip: IpAddr = it["ip"].as_str()?.parse().ok()?;
                    Some(SocketAddr::new(ip, port["port"].as_u64()?.try_into().ok()?))
                }));
            }
        }
        fastrand::choice(addresses).ok_or_else(none)
    }
}

impl Proxy {
    pub(super) fn new(host: &str) -> Self {
        // A connection for each request: which pod answers is chosen for each request.
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
        Self { client, host: HeaderValue::from_str(host).expect("an address is a header value") }
    }

    /// Answers a request below a proxy subresource.
    pub(super) async fn answer(
        &self,
        target: &Target,
        request: Request<Body>,
        peer: SocketAddr,
        store: &ObjectStore,
    ) -> Result<Response, Status> {
        let query = request.uri().query().map(|it| format!("?{it}")).unwrap_or_default();
        if target.rest.is_empty() {
            return Ok(redirect(&format!("{}/{query}", target.prefix)));
        }
        if let Some(clean) = cleaned(&target.rest) {
            return Ok(redirect(&format!("{}{clean}{query}", target.prefix)));
        }
        let path = decoded(&target.rest);
        let address = target.resolve(store)?;
        let method = request.method().clone();
        let request = self.outgoing(target, request, &path, &query, address, peer)?;
        let unreachable = |error: &dyn std::fmt::Display| {
            Status::unavailable(format!("error trying to reach service: {error}"))
        };
        let response = self.client.request(request).await.map_err(|error| {
            let cause =
                std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            unreachable(&cause)
        })?;
        let (mut head, body) = response.into_parts();
        hop_by_hop(&mut head.headers);
        for name in ["credentials", "headers", "methods", "origin"] {
            head.headers.remove(format!("access-control-allow-{name}"));
        }
        let own: Vec<_> = head.headers.get_all(header::CACHE_CONTROL).iter().cloned().collect();
        head.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
        for value in own {
            head.headers.append(header::CACHE_CONTROL, value);
        }
        if let Some(location) = head.headers.get(header::LOCATION) {
            let rewritten = rewrite::location(location.as_bytes(), &target.prefix, self.host.as_bytes());
            head.headers.insert(header::LOCATION, rewritten);
            return Ok(Response::from_parts(head, Body::new(body)));
        }
        if method == Method::HEAD || head.status == StatusCode::NOT_MODIFIED || !is_html(&head.headers) {
            return Ok(Response::from_parts(head, Body::new(body)));
        }
        let body = body.collect().await.map_err(|error| unreachable(&error))?.to_bytes();
        let coding = head.headers.get(header::CONTENT_ENCODING).map_or("", |it| it.to_str().unwrap_or("?"));
        let Some(body) = rewrite::html(&body, coding, &target.prefix) else {
            // The API server closes a body that it cannot read, and says only this.
            let message = format!("unsupported content encoding {coding:?} of text/html");
            return Err(Status::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", message));
        };
        head.headers.remove(header::TRANSFER_ENCODING);
        head.headers.insert(header::CONTENT_LENGTH, body.len().into());
        Ok(Response::from_parts(head, Body::from(Bytes::from(body))))
    }

    fn outgoing(
        &self,
        target: &Target,
        request: Request<Body>,
        path: &str,
        query: &str,
        address: SocketAddr,
        peer: SocketAddr,
    ) -> Result<Request<Body>, Status> {
        let (mut head, body) = request.into_parts();
        let wrong = |_| Status::bad_request("the path cannot be forwarded");
        let mut uri = http::uri::Parts::default();
        uri.scheme = Some(Scheme::HTTP);
        uri.authority = Some(Authority::try_from(address.to_string()).map_err(wrong)?);
        uri.path_and_query = Some(PathAndQuery::try_from(format!("{path}{query}")).map_err(wrong)?);
        head.uri = Uri::from_parts(uri).map_err(|_| Status::bad_request("the path cannot be forwarded"))?;
        hop_by_hop(&mut head.headers);
        head.headers.insert(header::HOST, self.host.clone());
        let forwarded_uri = HeaderValue::from_str(&format!("{}{path}", target.prefix))
            .map_err(|_| Status::bad_request("the path cannot be forwarded"))?;
        head.headers.insert(HeaderName::from_static("x-forwarded-uri"), forwarded_uri);
        let mut chain: Vec<_> = head
            .headers
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|it| it.to_str().ok().map(ToOwned::to_owned))
            .collect();
        chain.push(peer.ip().to_string());
        let chain = HeaderValue::from_str(&chain.join(", ")).expect("header values and an address");
        head.headers.insert(HeaderName::from_static("x-forwarded-for"), chain);
        Ok(Request::from_parts(head, body))
    }
}

fn is_html(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    value.split(';').next().is_some_and(|it| it.trim() == "text/html")
}

fn redirect(location: &str) -> Response {
    Response::builder()
        .status(StatusCode::MOVED_PERMANENTLY)
        .header(header::LOCATION, location)
        .body(Body::empty())
        .expect("the location was part of a request")
}

fn hop_by_hop(headers: &mut HeaderMap) {
    for name in
        ["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"]
    {
        headers.remove(name);
    }
}

/// Where a path with empty or dot segments is redirected to.
fn cleaned(path: &str) -> Option<String> {
    let mut segments = path[1..].split('/').peekable();
    let mut wrong = false;
    while let Some(segment) = segments.next() {
        wrong |= matches!(segment, "." | "..") || segment.is_empty() && segments.peek().is_some();
    }
    wrong.then(|| resolved(path))
}

/// The path that the application sees: `%2F`, `%3B` and dots arrive decoded, and dot segments resolved.
fn decoded(path: &str) -> String {
    let mut decoded = path.to_owned();
    for (encoded, plain) in
        [("%2f", "/"), ("%2F", "/"), ("%3b", ";"), ("%3B", ";"), ("%2e", "."), ("%2E", ".")]
    {
        decoded = decoded.replace(encoded, plain);
    }
    if decoded == path { decoded } else { resolved(&decoded) }
}

fn resolved(path: &str) -> String {
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    let slash = if path.ends_with('/') && !segments.is_empty() { "/" } else { "" };
    format!("/{}{slash}", segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_has_a_name_and_maybe_a_port() {
        let target = Target::parse("/api/v1/namespaces/ns/services/sava-cart-ie/proxy").expect("a target");
        assert_eq!(
            (target.name.as_str(), target.port.as_str(), target.rest.as_str()),
            ("sava-cart-ie", "", "")
        );
        let target = Target::parse("/api/v1/namespaces/ns/pods/http:p-1:3000/proxy/a/b/c").expect("a target");
        assert_eq!((target.name.as_str(), target.port.as_str()), ("p-1", "3000"));
        assert_eq!(target.prefix, "/api/v1/namespaces/ns/pods/http:p-1:3000/proxy");
        assert_eq!(target.rest, "/a/b/c");
        assert_eq!(Target::parse("/api/v1/namespaces/ns/pods/p/log"), None);
    }

    #[test]
    fn encoded_slashes_arrive_decoded() {
        assert_eq!(decoded("/a%2Fb%3Bc"), "/a/b;c");
        assert_eq!(decoded("/a/%2e%2e/b"), "/b");
        assert_eq!(decoded("/a%20b/%C3%A9"), "/a%20b/%C3%A9");
    }

    #[test]
    fn empty_segments_are_redirected() {
        assert_eq!(cleaned("/a//b"), Some("/a/b".to_owned()));
        assert_eq!(cleaned("/a/./b/"), Some("/a/b/".to_owned()));
        assert_eq!(cleaned("/a/b/"), None);
        assert_eq!(cleaned("/"), None);
    }
}
