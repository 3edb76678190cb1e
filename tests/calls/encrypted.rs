//! Audio that nobody on the network can listen to: telephones with SRTP, keyed over TLS.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::{Duration, Instant};

use harness::{Authority, Baresip, BaresipOptions, Options, Server, Tls, eventually, prompt_fits, talk};
use phone::{rms, tone_share};

const SOON: Duration = Duration::from_secs(15);
/// Notice, language and the words before the queue.
const MENU: Duration = Duration::from_secs(40);
const NURSE_LINE: &str = "8001";

fn options(authority: &Authority, phones: &str) -> Options {
    let own = authority.issue("careline.example").unwrap();
    Options {
        tls: Some(Tls { own, clients: None }),
        digest: "[md5]", // this baresip reads the first challenge only
        media: format!("  encryption: {{ phones: {phones} }}\n"),
        ..Options::default()
    }
}

#[tokio::test]
async fn a_caller_who_insists_on_encryption_hears_the_notice() {
    let authority = Authority::new().unwrap();
    let server = Server::start(options(&authority, "accepted")).await.unwrap();
    let roots = Some(authority.roots());
    let caller = BaresipOptions { roots, encrypts: true, ..BaresipOptions::new("patient", 440) };
    let mut patient = Baresip::start(caller).await.unwrap();
    let dialled = format!("sip:{NURSE_LINE}@{};transport=tls", server.tls().unwrap());
    patient.command("dial", &dialled).await.unwrap();
    patient.event("CALL_ESTABLISHED", SOON).await.unwrap();
    let fits = eventually("the notice in what baresip hears", SOON, async || {
        let heard = patient.heard().ok()?;
        (heard.len() > 8_000 * 4 && prompt_fits(&heard, "en/dial_911_notice").ok()? > 0.8).then_some(())
    });
    fits.await.unwrap();
    patient.command("hangup", "").await.unwrap();
    patient.event("CALL_CLOSED", SOON).await.unwrap();
    patient.stop().await.unwrap();
}

#[tokio::test]
async fn a_caller_in_the_clear_and_a_nurse_whose_telephone_must_encrypt_hear_each_other() {
    let authority = Authority::new().unwrap();
    let server = Server::start(options(&authority, "required")).await.unwrap();
    let registrar = Some((server.tls().unwrap(), server.secret("nurse1").unwrap()));
    let nurse = BaresipOptions {
        registrar,
        transport: "tls",
        roots: Some(authority.roots()),
        encrypts: true,
        ..BaresipOptions::new("nurse1", 620)
    };
    let mut agent = Baresip::at_work(nurse).await.unwrap();

    let stays = Duration::from_secs(25);
    let mut call = talk(server.sip(), ("15550100123", 440.0), &mut agent, stays).await.unwrap();
    let heard = call.media().hear();
    assert!(heard.until(Instant::now() + MENU, |heard| heard.ends_in_tone(620.0)).await, "no agent is heard");
    call.succeeded().await.unwrap();
    agent.event("CALL_CLOSED", SOON).await.unwrap();
    let samples = agent.heard().unwrap();
    let end = samples.get(samples.len().saturating_sub(4_000)..).unwrap();
    assert!(rms(end) > 1_000.0 && tone_share(end, 440.0) > 0.5, "the agent does not hear the caller");
    agent.stop().await.unwrap();
}

#[tokio::test]
async fn a_telephone_without_encryption_is_refused_where_it_is_required() {
    let authority = Authority::new().unwrap();
    let options =
        Options { media: "  encryption: { trunks: required }\n".to_owned(), ..options(&authority, "off") };
    let server = Server::start(options).await.unwrap();
    let phone = server.caller("15550100123").await.unwrap();
    let call = phone.call(NURSE_LINE).await.unwrap();
    assert_eq!(call.ended().await.unwrap(), phone::Ended::Refused(488));
}
