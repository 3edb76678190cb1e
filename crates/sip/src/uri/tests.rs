#![expect(clippy::unwrap_used, reason = "tests")]

use super::{Host, Uri, escape_user};

fn read(text: &str) -> Uri {
    Uri::parse(text).unwrap()
}

#[test]
fn what_is_read_is_written_as_it_was() {
    for text in [
        "sip:alice@atlanta.example.com",
        "sip:alice:secretword@atlanta.example.com;transport=tcp",
        "sips:alice@atlanta.example.com?subject=project%20x&priority=urgent",
        "sip:+1-212-555-1212:1234@gateway.example.com;user=phone",
        "sip:atlanta.example.com;method=REGISTER?to=alice%40atlanta.example.com",
        "sip:alice;day=tuesday@atlanta.example.com",
        "sip:[2001:db8::10]:5070;lr",
        "sip:user;par=u%40example.net@example.com",
        "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
        "sip:*69#@example.com",
        "tel:911;phone-context=+1",
        "tel:+1-201-555-0123",
        "urn:service:sos",
        "http://www.example.com",
    ] {
        assert_eq!(read(text).to_wire(), text);
    }
}

#[test]
fn a_tel_uri_is_a_number_and_never_a_host() {
    let emergency = read("tel:911");
    assert!(emergency.as_sip().is_none());
    assert_eq!(emergency.user().unwrap().expose(), "911");
    assert_eq!(read("tel:+1(555)010-9999").user().unwrap().expose(), "+15550109999");
}

#[test]
fn the_user_is_unescaped_once_and_nul_does_not_end_it() {
    assert_eq!(
        read("sip:sips%3Auser%40example.com@example.net").user().unwrap().expose(),
        "sips:user@example.com"
    );
    assert_eq!(read("sip:null-%00-null@example.com").user().unwrap().expose(), "null-\0-null");
    assert_eq!(read("sip:v%25%34%31@example.com").user().unwrap().expose(), "v%41");
    let any = "Jörg @ \"home\" 50%;x?\r\n";
    let escaped = read(&format!("sip:{}@example.com", escape_user(any)));
    assert_eq!(escaped.user().unwrap().expose(), any);
}

#[test]
fn a_replaces_header_with_a_bare_at_sign_does_not_become_the_user() {
    let transfer = read("sip:nurse@example.org?Replaces=a84b4c76e66710%40pc33;to-tag=7743;from-tag=1");
    assert_eq!(transfer.user().unwrap().expose(), "nurse");
    let careless = read("sip:nurse@example.org?Replaces=a84b4c76e66710@pc33");
    assert!(matches!(careless.host(), Some(Host::Name(name)) if name == "example.org"));
    assert_eq!(careless.as_sip().unwrap().headers.len(), 1);
}

#[test]
fn what_is_not_a_uri_is_refused() {
    for text in [
        "",
        "sip:",
        "sip:@host",
        "sip:a@",
        "sip:a@b@c",
        "sip:a b@c",
        "sip:a@b c",
        "sip:a@b;",
        "sip:a@b;;lr",
        "sip:a@b;lr;LR",
        "sip:a@b:",
        "sip:a@b :5060",
        "sip:a@b: 5060",
        "sip:a@b:65536",
        "sip:a@b:+1",
        "sip:a@[::1",
        "sip:a@[nonsense]",
        "sip:a@256.1.1.1",
        "sip:a@1.2.3",
        "sip:a@b?x",
        "sip:a@b?=y",
        "sip:%4@b",
        "sip:%zz@b",
        "<sip:a@b>",
        "tel:",
        "tel:+",
        "tel:+1 5",
        "tel:+12g",
        "tel:+*1",
        "1a:b",
        ":b",
        "x:",
        "urn:a b",
        "sip:a@b;x=<y>",
        "sip:\u{e9}.example.com",
    ] {
        assert!(Uri::parse(text).is_err(), "{text}");
    }
}

#[test]
fn equivalence_follows_the_examples_of_rfc_3261_section_19_1_4() {
    let same = [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5"),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
        ("tel:+1-201-555-0123", "tel:+12015550123"),
    ];
    for (one, another) in same {
        assert!(read(one).is_equivalent(&read(another)), "{one} {another}");
    }
    let different = [
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
        ("sip:bob@biloxi.com", "sips:bob@biloxi.com"),
        ("tel:911", "sip:911@biloxi.com"),
    ];
    for (one, another) in different {
        assert!(!read(one).is_equivalent(&read(another)), "{one} {another}");
    }
}

#[test]
fn debug_output_shows_no_user() {
    for text in ["sip:+15550109999@example.com", "tel:+15550109999", "isbn:15550109999"] {
        assert!(!format!("{:?}", read(text)).contains("5550109999"));
    }
}
