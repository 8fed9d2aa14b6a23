//! The layer around a service's routes: learns which one it is, and lets it fail where a fault on purpose says so.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    extract::{MatchedPath, Request},
    response::Response,
};
use futures_util::future::Either;
use tower::{Layer, Service};

use super::{NegotiatedVersion, path::shown, state::ServerState};
use crate::{
    faults::control::{Failure, Injection},
    problem::FAULT,
    trace,
};

/// What stands for the route of a request that no route matches.
pub(crate) const UNMATCHED: &str = "unmatched";

#[derive(Clone)]
pub(crate) struct RouteLayer(pub(crate) Arc<ServerState>);

impl<S> Layer<S> for RouteLayer {
    type Service = RouteService<S>;

    fn layer(&self, inner: S) -> RouteService<S> {
        RouteService { inner, shared: Arc::clone(&self.0) }
    }
}

#[derive(Clone)]
pub(crate) struct RouteService<S> {
    inner: S,
    shared: Arc<ServerState>,
}

impl<S> Service<Request> for RouteService<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Either<S::Future, Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let matched = request.extensions().get::<MatchedPath>().cloned();
        if self.shared.faults.hits_requests() {
            let (inner, shared) = (self.inner.clone(), Arc::clone(&self.shared));
            return Either::Right(Box::pin(with_faults(shared, inner, request, matched)));
        }
        remember(matched, &request);
        Either::Left(self.inner.call(request))
    }
}

fn remember(matched: Option<MatchedPath>, request: &Request) {
    trace::with_current(|answering| match matched {
        Some(matched) => answering.route.set(matched).is_ok(),
        None => answering.path.set(shown(request.uri().path())).is_ok(),
    });
}

/// Before the route's handler, so that an error has no effect; after it, if only its answer tells the API version.
async fn with_faults<S>(
    shared: Arc<ServerState>,
    mut inner: S,
    request: Request,
    matched: Option<MatchedPath>,
) -> Result<Response, Infallible>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    let route = matched.clone();
    let route = route.as_ref().map_or(UNMATCHED, MatchedPath::as_str);
    remember(matched, &request);
    if shared.faults.waits_for_version() {
        let response = inner.call(request).await?;
        let version = response.extensions().get::<NegotiatedVersion>().map(|version| version.0);
        let injection = shared.faults.draw(route, version);
        Ok(inject(&shared, injection).await.unwrap_or(response))
    } else {
        let injection = shared.faults.draw(route, None);
        match inject(&shared, injection).await {
            Some(response) => Ok(response),
            None => inner.call(request).await,
        }
    }
}

/// Injects what was drawn for a request; `None` if it is answered as usual after that.
async fn inject(shared: &ServerState, injection: Option<Injection>) -> Option<Response> {
    let injection = injection?;
    if let Some(delay) = injection.delay {
        tokio::time::sleep(delay).await;
    }
    match injection.end? {
        Failure::Hang => std::future::pending().await,
        Failure::Error(status) => {
            let problem = FAULT.problem("This instance was told to answer some requests with an error.");
            Some((shared.service.error)(problem.with_status(status)))
        }
    }
}
