//! The way requests take inside a dialog (RFC 3261 §12.1, §12.2.1.1).

use crate::error::HeaderError;
use crate::header::NameAddr;
use crate::message::Headers;
use crate::uri::Uri;

/// The proxies that asked to stay in the way, nearest first. Fixed when the dialog is made.
#[derive(Clone, Debug, Default)]
pub(crate) struct RouteSet(Vec<NameAddr>);

impl RouteSet {
    /// Of the side that was asked: the Record-Routes as they came (§12.1.1).
    pub(crate) fn of_request(headers: &Headers) -> Result<Self, HeaderError> {
        Ok(Self(headers.record_routes()?))
    }

    /// Of the side that asked: the other way round (§12.1.2).
    pub(crate) fn of_response(headers: &Headers) -> Result<Self, HeaderError> {
        let mut routes = headers.record_routes()?;
        routes.reverse();
        Ok(Self(routes))
    }

    /// Of a request that opens something: what configuration or a registrar gave us (§8.1.2).
    pub(crate) const fn preloaded(routes: Vec<NameAddr>) -> Self {
        Self(routes)
    }

    /// Where a request for `target` goes first.
    pub(crate) fn next_hop<'a>(&'a self, target: &'a Uri) -> &'a Uri {
        self.0.first().map_or(target, |route| &route.uri)
    }

    /// The request URI and the Route values of a request for `target`.
    ///
    /// A proxy without `lr` routes strictly, as RFC 2543 had it: it wants to find itself in the request URI
    /// and the target as the last Route.
    pub(crate) fn apply(&self, target: &Uri) -> (Uri, Vec<String>) {
        let Some((first, rest)) = self.0.split_first() else { return (target.clone(), Vec::new()) };
        let is_loose = first.uri.as_sip().is_some_and(|uri| uri.params.has("lr"));
        if is_loose {
            return (target.clone(), self.0.iter().map(NameAddr::to_wire).collect());
        }
        let mut routes: Vec<String> = rest.iter().map(NameAddr::to_wire).collect();
        routes.push(NameAddr::new(target.clone()).to_wire());
        (first.uri.clone(), routes)
    }
}
