//! A carrier's certificate (RFC 8226): who vouches for it, and what it signed.

use call::Passport;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::aws_lc_rs::{ECDSA_P256_SHA256, ECDSA_P256_SHA384, ECDSA_P384_SHA256, ECDSA_P384_SHA384};
use webpki::{EndEntityCert, KeyUsage};

use super::tn_auth_list::Authority;

/// Certificates read of one answer: the carrier's and those between it and an authority.
const CHAIN_MAX: usize = 8;

/// What authorities of telephone networks sign with (ATIS-1000080 §6.4.1: P-256; the root may be stronger).
const ALGORITHMS: [&dyn rustls_pki_types::SignatureVerificationAlgorithm; 4] =
    [ECDSA_P256_SHA256, ECDSA_P384_SHA384, ECDSA_P256_SHA384, ECDSA_P384_SHA256];

/// A carrier's certificate, and those it came with.
#[derive(Debug)]
pub struct Chain {
    leaf: CertificateDer<'static>,
    between: Vec<CertificateDer<'static>>,
    authority: Authority,
}

impl Chain {
    /// Reads what a repository sent: PEM, the carrier's own first, or one certificate in DER.
    pub fn read(body: &[u8]) -> Option<Self> {
        if !body.starts_with(b"\x30") {
            let read = CertificateDer::pem_slice_iter(body).take(CHAIN_MAX).collect::<Result<Vec<_>, _>>();
            let mut chain = read.ok()?.into_iter();
            return Some(Self::of(chain.next()?, chain.collect()));
        }
        Some(Self::of(CertificateDer::from(body.to_vec()), Vec::new()))
    }

    fn of(leaf: CertificateDer<'static>, between: Vec<CertificateDer<'static>>) -> Self {
        let authority = Authority::of_certificate(&leaf);
        Self { leaf, between, authority }
    }

    /// For whose numbers it may speak.
    pub const fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Whether an authority vouches for it now.
    pub fn is_vouched_for(&self, authorities: &[TrustAnchor<'_>], now: UnixTime) -> bool {
        // No purpose is asked for: such a certificate names none.
        let usage = KeyUsage::client_auth();
        EndEntityCert::try_from(&self.leaf).is_ok_and(|leaf| {
            leaf.verify_for_usage(&ALGORITHMS, authorities, &self.between, now, usage, None, None).is_ok()
        })
    }

    /// Whether its key made the signature.
    pub fn has_signed(&self, passport: &Passport) -> bool {
        let signed = passport.signing_input.expose().as_bytes();
        EndEntityCert::try_from(&self.leaf).is_ok_and(|leaf| {
            leaf.verify_signature(ECDSA_P256_SHA256, signed, &der(&passport.signature)).is_ok()
        })
    }
}

/// A signature of JSON (RFC 7518 §3.4) as one of certificates (RFC 3279 §2.2.3): two numbers in a sequence.
fn der(signature: &[u8; 64]) -> Vec<u8> {
    let (r, s) = signature.split_at(32);
    let mut numbers = Vec::with_capacity(72);
    for half in [r, s] {
        let digits = half.iter().position(|byte| *byte != 0).and_then(|at| half.get(at..)).unwrap_or(&[0]);
        // A first bit that is set would make it negative.
        let sign: &[u8] = if digits.first().is_some_and(|byte| *byte > 0x7f) { &[0] } else { &[] };
        numbers.push(0x02);
        numbers.extend(u8::try_from(sign.len() + digits.len()));
        numbers.extend_from_slice(sign);
        numbers.extend_from_slice(digits);
    }
    let mut sequence = vec![0x30];
    sequence.extend(u8::try_from(numbers.len()));
    sequence.extend(numbers);
    sequence
}

#[cfg(test)]
pub mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use call::Passport;
    use primitives::Private;
    use rcgen::{
        BasicConstraints, CertificateParams, CustomExtension, IsCa, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256,
        SigningKey,
    };
    use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
    use sip::passport::{Attestation, Claims};

    use super::Chain;

    /// A carrier whose certificate one authority vouches for.
    pub struct Carrier {
        pub authority: CertificateDer<'static>,
        pub chain_pem: String,
        pub leaf: CertificateDer<'static>,
        key: KeyPair,
    }

    impl Carrier {
        pub fn new() -> Self {
            Self::until(2100)
        }

        /// Its certificate ends with this year.
        pub fn until(year: i32) -> Self {
            let authority_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let authority = params.self_signed(&authority_key).unwrap();
            let issuer = Issuer::new(params, authority_key);
            let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.not_after = rcgen::date_time_ymd(year, 12, 31);
            // TNAuthList (RFC 8226 §9): a service provider code.
            let tn_auth_list = vec![0x30, 0x08, 0xa0, 0x06, 0x16, 0x04, b'7', b'0', b'9', b'J'];
            let oid = [1, 3, 6, 1, 5, 5, 7, 1, 26];
            params.custom_extensions = vec![CustomExtension::from_oid_content(&oid, tn_auth_list)];
            let leaf = params.signed_by(&key, &issuer).unwrap();
            Self { authority: authority.der().clone(), chain_pem: leaf.pem(), leaf: leaf.der().clone(), key }
        }

        pub fn anchors(&self) -> Vec<TrustAnchor<'_>> {
            vec![webpki::anchor_from_trusted_cert(&self.authority).unwrap()]
        }

        /// A statement signed by it.
        pub fn signs(&self, text: &str, certificate: &str) -> Passport {
            let claims = Claims { issued: 0, orig: None, dest: Vec::new(), attestation: Attestation::Full };
            Passport {
                certificate: certificate.to_owned(),
                claims,
                signing_input: Private::new(text.to_owned()),
                signature: plain(&self.key.sign(text.as_bytes()).unwrap()),
            }
        }
    }

    /// The two numbers of a DER signature, 32 bytes each.
    pub fn plain(der: &[u8]) -> [u8; 64] {
        let mut signature = [0; 64];
        let mut rest = &der[2..];
        for end in [32, 64] {
            let (length, after) = (usize::from(rest[1]), &rest[2..]);
            let digits = &after[..length];
            let digits = &digits[length.saturating_sub(32)..];
            signature[end - digits.len()..end].copy_from_slice(digits);
            rest = &after[length..];
        }
        signature
    }

    #[test]
    fn what_a_carrier_signed_holds_and_what_was_changed_does_not() {
        let (carrier, other) = (Carrier::new(), Carrier::new());
        let passport = carrier.signs("eyJh.eyJk", "");
        let chain = Chain::read(carrier.chain_pem.as_bytes()).unwrap();
        assert!(chain.has_signed(&passport));
        let changed = Passport { signing_input: Private::new("eyJh.eyJl".to_owned()), ..passport.clone() };
        assert!(!chain.has_signed(&changed));
        for bit in [0, 255, 256, 511] {
            let mut broken = passport.clone();
            broken.signature[bit / 8] ^= 1 << (bit % 8);
            assert!(!chain.has_signed(&broken), "bit {bit}");
        }
        assert!(!chain.has_signed(&Passport { signature: [0; 64], ..passport.clone() }));
        assert!(!Chain::read(other.chain_pem.as_bytes()).unwrap().has_signed(&passport));
        assert!(Chain::read(&carrier.leaf).unwrap().has_signed(&passport), "DER is read as well");
    }

    /// RFC 8225 Appendix A.1, as PKCS #8.
    const RFC_8225_KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgV5nVHbTxAK9y7ka5\n\
        jIx8bhbuwfib33/t4dIMul1iWUWhRANCAATwc1tB39Oa8IrA8oeQwX19Jxq8Z4fv\n\
        xhNTyotLwjkcsdJKaUBMtyyVAyE0L86GVYFgLrbqciWjtd55thLtJvfu\n\
        -----END PRIVATE KEY-----\n";
    const RFC_8225_HEADER: &str = "eyJhbGciOiJFUzI1NiIsInR5cCI6InBhc3Nwb3J0IiwieDV1IjoiaHR0cHM6Ly9jZXJ0LmV4YW1wbGUub3JnL3Bhc3Nwb3J0LmNlciJ9";

    /// What the key of RFC 8225 signed in the drafts before it. The statement that the RFC itself prints was signed
    /// anew with a key it does not print: OpenSSL says so too.
    #[test]
    fn the_key_of_rfc_8225_has_signed_what_its_drafts_print_and_not_what_it_prints_itself() {
        let key = KeyPair::from_pem(RFC_8225_KEY).unwrap();
        let of_key = CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
        let chain = Chain::read(of_key.der()).unwrap();
        let address = "eyJkZXN0Ijp7InVyaSI6WyJzaXA6YWxpY2VAZXhhbXBsZS5jb20iXX0s";
        for (issued_and_orig, signature, holds) in [
            (
                "ImlhdCI6IjE0NDMyMDgzNDUiLCJvcmlnIjp7InRuIjoiMTIxNTU1NTEyMTIifX0",
                "aeade98d3d61a11c1a9041a31c29d64b0527b21774fb327a17554e8055928c70\
                 6bf108e98e593e729158a4562ca23342a53ccedd07cf3a572419a4ba844724ef",
                true,
            ),
            (
                "ImlhdCI6MTQ3MTM3NTQxOCwib3JpZyI6eyJ0biI6IjEyMTU1NTUxMjEyIn19",
                "54b0422150c269e2ba33884b25be921d0bda700415be88a210e590fe2524aa4e\
                 fd503f357c74341356f7fc696e2246daed459844ce3b65b34574e26ab84df973",
                false,
            ),
        ] {
            let mut passport = Carrier::new().signs("", "");
            passport.signing_input = Private::new(format!("{RFC_8225_HEADER}.{address}{issued_and_orig}"));
            hex::decode_to_slice(signature, &mut passport.signature).unwrap();
            assert_eq!(chain.has_signed(&passport), holds, "{issued_and_orig}");
        }
    }

    #[test]
    fn an_authority_must_vouch_for_a_carrier_today() {
        let (carrier, other, expired) = (Carrier::new(), Carrier::new(), Carrier::until(2020));
        let today = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_795_451_782));
        let is_vouched_for = |carrier: &Carrier, anchors: &[TrustAnchor<'_>]| {
            Chain::read(carrier.chain_pem.as_bytes()).unwrap().is_vouched_for(anchors, today)
        };
        assert!(is_vouched_for(&carrier, &carrier.anchors()));
        assert!(!is_vouched_for(&carrier, &other.anchors()));
        assert!(!is_vouched_for(&carrier, &[]));
        assert!(!is_vouched_for(&expired, &expired.anchors()));
    }

    #[test]
    fn what_is_no_certificate_vouches_for_nothing() {
        assert!(Chain::read(b"").is_none());
        assert!(Chain::read(b"<html>moved</html>").is_none());
        let garbage = Chain::read(b"\x30\x03abc").unwrap();
        assert!(!garbage.has_signed(&Carrier::new().signs("a.b", "")));
    }
}
