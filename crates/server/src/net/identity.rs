//! Whose certificate it is: the names it proves, and whether it proves the one that was asked for (RFC 5922).

use rustls_pki_types::{CertificateDer, ServerName};
use webpki::EndEntityCert;

/// Names of one certificate. Real ones have a handful; what lies beyond cannot be matched by a trunk.
const NAMES_MAX: usize = 64;

/// The SIP domains and DNS names of a certificate that was verified, lower case, each once. A subject's common
/// name is not one of them: nothing says what it stands for.
pub fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok(certificate) = EndEntityCert::try_from(certificate) else { return Vec::new() };
    let dns = certificate.valid_dns_names().map(str::to_ascii_lowercase);
    let mut names: Vec<String> = sip_domains(&certificate).into_iter().chain(dns).take(NAMES_MAX).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Whether a certificate proves a name by RFC 5922 §7.1 and §7.2: whole names, letters of either case, no
/// wildcards, and DNS names only where no SIP domain is named.
pub fn proves(certificate: &CertificateDer<'_>, asked: &ServerName<'_>) -> bool {
    let Ok(certificate) = EndEntityCert::try_from(certificate) else { return false };
    let ServerName::DnsName(asked) = asked else {
        return certificate.verify_is_valid_for_subject_name(asked).is_ok();
    };
    let asked = asked.as_ref().trim_end_matches('.');
    let domains = sip_domains(&certificate);
    if domains.is_empty() {
        return certificate.valid_dns_names().any(|name| name.eq_ignore_ascii_case(asked));
    }
    domains.iter().any(|domain| domain.eq_ignore_ascii_case(asked))
}

fn sip_domains(certificate: &EndEntityCert<'_>) -> Vec<String> {
    certificate.valid_uri_names().filter_map(sip_domain).collect()
}

/// The host of `sip:host`. A URI with a user part names a person, not a domain.
fn sip_domain(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once(':')?;
    if !scheme.eq_ignore_ascii_case("sip") || rest.contains('@') {
        return None;
    }
    let host = rest.split([':', ';', '?']).next()?;
    (!host.is_empty()).then(|| host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use rcgen::{CertificateParams, KeyPair, SanType};
    use rustls_pki_types::{CertificateDer, ServerName};

    use super::{names, proves};

    fn certificate(dns: &[&str], uris: &[&str]) -> CertificateDer<'static> {
        let mut params = CertificateParams::default();
        let dns = dns.iter().map(|name| SanType::DnsName((*name).try_into().unwrap()));
        let uris = uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap()));
        params.subject_alt_names = dns.chain(uris).collect();
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().into()
    }

    fn proven(certificate: &CertificateDer<'_>, name: &str) -> bool {
        proves(certificate, &ServerName::try_from(name.to_owned()).unwrap())
    }

    #[test]
    fn a_dns_name_proves_itself_in_either_case_and_nothing_below_it() {
        let it = certificate(&["Trunk.Example"], &[]);
        assert!(proven(&it, "trunk.example") && proven(&it, "TRUNK.example"));
        assert!(!proven(&it, "sip.trunk.example") && !proven(&it, "example"));
    }

    #[test]
    fn a_wildcard_proves_no_sip_domain() {
        assert!(!proven(&certificate(&["*.trunk.example"], &[]), "a.trunk.example"));
    }

    #[test]
    fn where_a_sip_uri_names_the_domain_dns_names_do_not_count() {
        let it = certificate(&["host7.example"], &["sip:trunk.example"]);
        assert!(proven(&it, "trunk.example"));
        assert!(!proven(&it, "host7.example"), "RFC 5922 §7.1: DNS only if no sip URI is there");
        assert_eq!(names(&it), ["host7.example", "trunk.example"]);
    }

    #[test]
    fn a_persons_uri_and_one_of_another_scheme_are_no_domain() {
        let it = certificate(&["host7.example"], &["sip:anna@trunk.example", "https://trunk.example"]);
        assert!(!proven(&it, "trunk.example") && proven(&it, "host7.example"));
    }

    #[test]
    fn what_is_no_certificate_proves_nothing() {
        let noise = CertificateDer::from(vec![0x30, 0x82, 0xff]);
        assert!(!proven(&noise, "trunk.example") && names(&noise).is_empty());
    }
}
