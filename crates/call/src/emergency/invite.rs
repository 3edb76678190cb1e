//! The INVITE that asks for help: to whom, from whom, and with which location (RFC 6881 §9, RFC 6442).

use bytes::Bytes;
use primitives::{Now, Private};
use sip::uri::Uri;
use sip::{EmergencyNumber, Invite};

use super::SILENT_MAX;
use super::config::{Destination, Place};
use super::target::Target;

/// What the location is called in the message that carries it (RFC 2392).
const CONTENT_ID: &str = "location@careline.invalid";

/// Parts two parts of the body. SDP and XML as we write them hold no line that begins with it.
const BOUNDARY: &str = "careline-emergency-7f3a9c51";

/// The INVITE to one destination.
pub(super) fn invite(
    now: Now,
    number: EmergencyNumber,
    target: &Target,
    place: &Place,
    offer: &Bytes,
) -> Invite {
    let callback = match &target.carrier {
        Some(carrier) => carrier.config.numbers.write(&place.callback).into_owned(),
        None => place.callback.clone(),
    };
    let asserted = match &target.carrier {
        Some(carrier) => format!("<sip:{callback}@{}>", carrier.domain),
        None => format!("<tel:{callback}>"),
    };
    let mut headers =
        vec![("P-Asserted-Identity".to_owned(), asserted), ("Priority".to_owned(), "emergency".to_owned())];
    let mut account = target.account.clone();
    let uri = match &target.to {
        // A trunk is a list of SIP URIs, and they were taken from it.
        Destination::Sip(uri) | Destination::Trunk(uri) => dialled_at(uri, number),
        Destination::Esinet(uri) => {
            account.routes = vec![format!("<{}>", loose(uri))];
            number.urn().to_owned()
        }
    };
    let mut body = offer.clone();
    if let Some((_, civic)) = &place.location {
        headers.push(("Geolocation".to_owned(), format!("<cid:{CONTENT_ID}>")));
        headers.push(("Geolocation-Routing".to_owned(), "yes".to_owned()));
        headers.push(("MIME-Version".to_owned(), "1.0".to_owned()));
        headers.push(("Content-Type".to_owned(), format!("multipart/mixed;boundary={BOUNDARY}")));
        body = with_location(offer, &civic.pidf_lo(&place.callback, now.wall));
    }
    Invite {
        uri,
        path: None,
        from: Some(Private::new(callback)),
        display_name: String::new(),
        offer: body,
        headers,
        account,
        first_response: Some(SILENT_MAX),
    }
}

/// Both parts in one body (RFC 5621 §3, RFC 6442 §3.1).
fn with_location(offer: &Bytes, location: &str) -> Bytes {
    let mut body = Vec::with_capacity(offer.len() + location.len() + 400);
    body.extend_from_slice(format!("--{BOUNDARY}\r\nContent-Type: application/sdp\r\n\r\n").as_bytes());
    body.extend_from_slice(offer);
    body.extend_from_slice(
        format!(
            "\r\n--{BOUNDARY}\r\nContent-Type: application/pidf+xml\r\nContent-ID: <{CONTENT_ID}>\r\n\
             Content-Disposition: by-reference;handling=optional\r\n\r\n{location}\r\n--{BOUNDARY}--\r\n"
        )
        .as_bytes(),
    );
    body.into()
}

/// The number at a destination that names none of its own.
fn dialled_at(uri: &str, number: EmergencyNumber) -> String {
    let Ok(Uri::Sip(mut sip)) = Uri::parse(uri) else { return uri.to_owned() };
    if sip.user.is_none() {
        sip.user = Some(number.digits().to_owned());
    }
    Uri::Sip(sip).to_wire()
}

/// As a route: one that is passed and not put in place of the request URI (RFC 3261 §16.12.1.1).
fn loose(uri: &str) -> String {
    let Ok(Uri::Sip(mut sip)) = Uri::parse(uri) else { return uri.to_owned() };
    if !sip.params.has("lr") {
        sip.params.set("lr", None);
    }
    Uri::Sip(sip).to_wire()
}

#[cfg(test)]
mod tests {
    use sip::EmergencyNumber;

    use super::{dialled_at, loose};

    #[test]
    fn a_destination_without_a_number_is_dialled_911_and_one_with_a_number_that() {
        assert_eq!(dialled_at("sip:192.0.2.10:5070", EmergencyNumber::Help), "sip:911@192.0.2.10:5070");
        assert_eq!(dialled_at("sip:192.0.2.10", EmergencyNumber::Test), "sip:933@192.0.2.10");
        let psap = "sip:+15550100999@192.0.2.10;transport=tcp";
        assert_eq!(dialled_at(psap, EmergencyNumber::Help), psap);
    }

    #[test]
    fn a_route_is_loose() {
        assert_eq!(loose("sip:esrp.example"), "sip:esrp.example;lr");
        assert_eq!(loose("sip:esrp.example;lr"), "sip:esrp.example;lr");
    }
}
