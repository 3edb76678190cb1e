//! A caller on sipp and an agent on baresip who talk with each other.

use std::net::SocketAddr;
use std::time::Duration;

use phone::{Digit, Sound};

use crate::baresip::{Baresip, BaresipOptions};
use crate::sipp::SippCall;
use crate::trouble::Trouble;

/// Until a phone is registered, or a call of one message is over.
const SOON: Duration = Duration::from_secs(20);
/// Notice, language and the words before the queue.
const MENU: Duration = Duration::from_secs(60);

impl Baresip {
    /// An agent who is registered and signed in to all her queues.
    pub async fn at_work(options: BaresipOptions) -> Result<Self, Trouble> {
        let (registrar, _) = options.registrar.clone().ok_or_else(|| Trouble::new("no registrar"))?;
        let mut agent = Self::start(options).await?;
        agent.registered(SOON).await?;
        agent.command("dial", &format!("sip:*11@{registrar}")).await?;
        agent.event("CALL_ESTABLISHED", SOON).await?;
        agent.event("CALL_CLOSED", SOON).await?;
        Ok(agent)
    }
}

/// A caller of the nurse line who speaks this tone, says by keys that it is urgent and is answered by this agent; she
/// stays so long in all.
pub async fn talk(
    server: SocketAddr,
    (caller, tone_hz): (&str, f64),
    agent: &mut Baresip,
    stays: Duration,
) -> Result<SippCall, Trouble> {
    let mut call = SippCall::place("caller_hangs_up", server, "8001", caller, stays).await?;
    call.answered(SOON).await?;
    call.media().sound(Sound::Tone(tone_hz));
    let keys = ['1', '1'].into_iter().filter_map(|key| Digit::new(key).ok()).collect();
    call.media().press(keys).await.ok_or_else(|| Trouble::new("the keys were not sent"))?;
    agent.event("CALL_ESTABLISHED", MENU).await?;
    Ok(call)
}
