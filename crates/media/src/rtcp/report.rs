//! Sender and receiver reports as they travel (RFC 3550 §6.4 to §6.5).

/// Packet types.
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const CNAME: u8 = 1;

/// Packets looked at in one compound packet.
const PACKETS_MAX: usize = 16;

/// One report, with the one block that a telephone call has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Report {
    pub ssrc: u32,
    pub info: Option<SenderInfo>,
    pub block: Option<Block>,
}

/// What a sender says of what it sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct SenderInfo {
    /// Seconds and their 2^32nd parts, of a clock of its own.
    pub clock: u64,
    pub timestamp: u32,
    pub packets: u32,
    pub octets: u32,
}

/// What is said of a source that is heard.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Block {
    pub ssrc: u32,
    /// Since the last report, in 256ths.
    pub fraction: u8,
    /// In all, 24 bits.
    pub lost: u32,
    pub highest: u32,
    /// In units of the RTP clock.
    pub jitter: u32,
    pub last_report: u32,
    /// Since then, in 65,536ths of a second.
    pub delay: u32,
}

impl Report {
    /// Writes a compound packet: the report, and the name of its source, which must be in each (§6.1).
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let words: u8 =
            1 + if self.info.is_some() { 5 } else { 0 } + if self.block.is_some() { 6 } else { 0 };
        let kind = if self.info.is_some() { SENDER_REPORT } else { RECEIVER_REPORT };
        out.extend([0x80 | u8::from(self.block.is_some()), kind, 0, words]);
        out.extend(self.ssrc.to_be_bytes());
        if let Some(info) = self.info {
            out.extend(info.clock.to_be_bytes());
            [info.timestamp, info.packets, info.octets]
                .iter()
                .for_each(|word| out.extend(word.to_be_bytes()));
        }
        if let Some(block) = self.block {
            let lost = u32::from(block.fraction) << 24 | block.lost & 0xff_ffff;
            let words = [block.ssrc, lost, block.highest, block.jitter, block.last_report, block.delay];
            words.iter().for_each(|word| out.extend(word.to_be_bytes()));
        }
        // A name that says nothing of who or where we are (RFC 7022 §4.2): the source in hexadecimal, filled up to
        // whole words with the zeros that end the list.
        out.extend([0x81, SOURCE_DESCRIPTION, 0, 4]);
        out.extend(self.ssrc.to_be_bytes());
        out.extend([CNAME, 8]);
        out.extend(format!("{:08x}", self.ssrc).bytes());
        out.extend([0, 0]);
    }
}

/// The reports of a compound packet; of each the first block, because a call has one source.
pub(super) fn read(packet: &[u8]) -> impl Iterator<Item = Report> {
    let mut rest = packet;
    let packets = std::iter::from_fn(move || {
        let [first, kind, high, low, ..] = *rest else { return None };
        let length = 4 * (1 + usize::from(u16::from_be_bytes([high, low])));
        let body = rest.get(4..length)?;
        rest = rest.get(length..).unwrap_or_default();
        (first >> 6 == 2).then_some((first & 0x1f, kind, body))
    });
    packets.take(PACKETS_MAX).filter_map(|(count, kind, body)| report(count, kind, body))
}

fn report(count: u8, kind: u8, body: &[u8]) -> Option<Report> {
    let word = |at: usize| {
        let bytes = body.get(4 * at..4 * at + 4)?;
        bytes.try_into().ok().map(u32::from_be_bytes)
    };
    let (info, blocks_at) = match kind {
        SENDER_REPORT => {
            let clock = u64::from(word(1)?) << 32 | u64::from(word(2)?);
            (Some(SenderInfo { clock, timestamp: word(3)?, packets: word(4)?, octets: word(5)? }), 6)
        }
        RECEIVER_REPORT => (None, 1),
        _ => return None,
    };
    let block = |at: usize| {
        let lost = word(at + 1)?;
        Some(Block {
            ssrc: word(at)?,
            fraction: (lost >> 24) as u8,
            lost: lost & 0xff_ffff,
            highest: word(at + 2)?,
            jitter: word(at + 3)?,
            last_report: word(at + 4)?,
            delay: word(at + 5)?,
        })
    };
    let block = if count > 0 { block(blocks_at) } else { None };
    Some(Report { ssrc: word(0)?, info, block })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Block, Report, SenderInfo, read};

    proptest! {
        #[test]
        fn what_is_written_is_read(ssrc: u32, clock: u64, words: [u32; 3], block: [u32; 6], speaks: bool, hears: bool) {
            let [timestamp, packets, octets] = words;
            let [source, lost, highest, jitter, last_report, delay] = block;
            let info = speaks.then_some(SenderInfo { clock, timestamp, packets, octets });
            let block = hears.then_some(Block { ssrc: source, fraction: 7, lost: lost & 0xff_ffff, highest, jitter, last_report, delay });
            let report = Report { ssrc, info, block };
            let mut bytes = Vec::new();
            report.write(&mut bytes);
            prop_assert_eq!(bytes.len() % 4, 0);
            prop_assert_eq!(read(&bytes).collect::<Vec<_>>(), vec![report]);
        }

        #[test]
        fn any_bytes_are_read_or_passed_over(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(read(&bytes).count() <= 16);
        }
    }
}
