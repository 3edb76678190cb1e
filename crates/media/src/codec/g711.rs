//! ITU-T G.711: µ-law and A-law, as the reference code of ITU-T G.191 computes them, by tables built at
//! compile time.
//!
//! Samples are 16-bit linear, of which µ-law looks at the upper 14 bits and A-law at the upper 12.

/// How many µ-law inputs differ: 14 bits.
const PCMU_INPUTS: usize = 1 << 14;
/// How many A-law inputs differ: 12 bits.
const PCMA_INPUTS: usize = 1 << 12;

static TO_PCMU: [u8; PCMU_INPUTS] = pcmu_of_inputs();
static TO_PCMA: [u8; PCMA_INPUTS] = pcma_of_inputs();
static FROM_PCMU: [i16; 256] = levels(Law::Mu);
static FROM_PCMA: [i16; 256] = levels(Law::A);
static PCMU_TO_PCMA: [u8; 256] = transcoding(Law::Mu);
static PCMA_TO_PCMU: [u8; 256] = transcoding(Law::A);

/// By which of the two curves samples become bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Law {
    /// µ-law: North America, Japan.
    Mu,
    /// A-law: everywhere else.
    A,
}

/// The byte that decodes to the level nearest to no sound.
pub(crate) const fn silence(law: Law) -> u8 {
    match law {
        Law::Mu => 0xff,
        Law::A => 0xd5,
    }
}

/// One sample.
pub(crate) fn encode(law: Law, sample: i16) -> u8 {
    let bits = sample.cast_unsigned();
    match law {
        Law::Mu => TO_PCMU.get(usize::from(bits >> 2)).copied().unwrap_or(silence(law)),
        Law::A => TO_PCMA.get(usize::from(bits >> 4)).copied().unwrap_or(silence(law)),
    }
}

/// The level a byte stands for.
pub(crate) fn decode(law: Law, byte: u8) -> i16 {
    let table = match law {
        Law::Mu => &FROM_PCMU,
        Law::A => &FROM_PCMA,
    };
    table.get(usize::from(byte)).copied().unwrap_or(0)
}

/// From one law to the other, byte by byte, for a bridge of legs that have no codec in common. The level
/// is the nearest the other law has; nothing is gained by passing through samples at run time.
pub(crate) fn transcoded(from: Law, byte: u8) -> u8 {
    let table = match from {
        Law::Mu => &PCMU_TO_PCMA,
        Law::A => &PCMA_TO_PCMU,
    };
    table.get(usize::from(byte)).copied().unwrap_or(byte)
}

#[expect(clippy::indexing_slicing, reason = "at compile time, where a wrong index is a failed build")]
const fn pcmu_of_inputs() -> [u8; PCMU_INPUTS] {
    let mut table = [0; PCMU_INPUTS];
    let mut input = 0;
    while input < PCMU_INPUTS {
        table[input] = pcmu(((input as u16) << 2).cast_signed());
        input += 1;
    }
    table
}

#[expect(clippy::indexing_slicing, reason = "at compile time, where a wrong index is a failed build")]
const fn pcma_of_inputs() -> [u8; PCMA_INPUTS] {
    let mut table = [0; PCMA_INPUTS];
    let mut input = 0;
    while input < PCMA_INPUTS {
        table[input] = pcma(((input as u16) << 4).cast_signed());
        input += 1;
    }
    table
}

#[expect(clippy::indexing_slicing, reason = "at compile time, where a wrong index is a failed build")]
const fn levels(of: Law) -> [i16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match of {
            Law::Mu => linear_of_pcmu(byte as u8),
            Law::A => linear_of_pcma(byte as u8),
        };
        byte += 1;
    }
    table
}

#[expect(clippy::indexing_slicing, reason = "at compile time, where a wrong index is a failed build")]
const fn transcoding(from: Law) -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match from {
            Law::Mu => pcma(linear_of_pcmu(byte as u8)),
            Law::A => pcmu(linear_of_pcma(byte as u8)),
        };
        byte += 1;
    }
    table
}

/// G.711 table 2: sign, three bits of segment, four of step, all inverted.
const fn pcmu(sample: i16) -> u8 {
    /// Added before the segments are found, so that each begins at a power of two.
    const BIAS: u16 = 33;
    const LARGEST: u16 = 0x1fff;
    let magnitude = (if sample < 0 { !sample } else { sample }).cast_unsigned() >> 2;
    let biased = if magnitude + BIAS > LARGEST { LARGEST } else { magnitude + BIAS };
    // 1 to 8: how far the highest bit stands above the five bits that are kept.
    let segment = 11 - biased.leading_zeros();
    let step = ((biased >> segment) & 0x0f) as u8;
    let code = (((8 - segment) as u8) << 4) | (0x0f - step);
    if sample < 0 { code } else { code | 0x80 }
}

/// G.711 table 1: sign, three bits of segment, four of step, every other bit inverted.
const fn pcma(sample: i16) -> u8 {
    const INVERTED: u8 = 0x55;
    let magnitude = (if sample < 0 { !sample } else { sample }).cast_unsigned() >> 4;
    let code = if magnitude < 16 {
        magnitude as u8
    } else {
        // 1 to 7: how far the highest bit stands above the five bits that are kept.
        let segment = 12 - magnitude.leading_zeros();
        ((segment as u8) << 4) | (((magnitude >> (segment - 1)) & 0x0f) as u8)
    };
    (if sample < 0 { code } else { code | 0x80 }) ^ INVERTED
}

/// The level a µ-law byte stands for.
const fn linear_of_pcmu(byte: u8) -> i16 {
    let plain = !byte;
    let exponent = (plain >> 4) & 7;
    let step = 8_i16 << exponent;
    let level = (0x80_i16 << exponent) + step * (plain & 0x0f) as i16 + step / 2 - 4 * 33;
    if byte & 0x80 == 0 { -level } else { level }
}

/// The level an A-law byte stands for.
const fn linear_of_pcma(byte: u8) -> i16 {
    let plain = byte ^ 0x55;
    let segment = (plain >> 4) & 7;
    let step = (plain & 0x0f) as i16;
    let level = if segment == 0 { (step << 4) + 8 } else { (((step + 16) << 4) + 8) << (segment - 1) };
    if plain & 0x80 == 0 { -level } else { level }
}

#[cfg(test)]
mod tests {
    use super::{Law, decode, encode, silence, transcoded};

    /// Half a step of the segment a level is in, and the bits the law does not look at.
    fn coarseness(law: Law, level: i32) -> i32 {
        match law {
            Law::Mu => ((level.abs() + 132) / 32).max(4) + 4,
            Law::A => (level.abs() / 32).max(8) + 16,
        }
    }

    /// The segment search of ITU-T G.191 `ulaw_compress`, by its loop.
    fn pcmu_by_the_loop(sample: i16) -> u8 {
        let linear = i32::from(sample);
        let magnitude = ((if linear < 0 { !linear >> 2 } else { linear >> 2 }) + 33).min(0x1fff);
        let mut segment = 1;
        let mut rest = magnitude >> 6;
        while rest != 0 {
            segment += 1;
            rest >>= 1;
        }
        let code = ((8 - segment) << 4) | (0x0f - ((magnitude >> segment) & 0x0f));
        u8::try_from(if linear < 0 { code } else { code | 0x80 }).unwrap_or(0)
    }

    /// The segment search of ITU-T G.191 `alaw_compress`, by its loop.
    fn pcma_by_the_loop(sample: i16) -> u8 {
        let linear = i32::from(sample);
        let mut code = if linear < 0 { !linear >> 4 } else { linear >> 4 };
        if code > 15 {
            let mut segment = 1;
            while code > 31 {
                code >>= 1;
                segment += 1;
            }
            code += (segment << 4) - 16;
        }
        u8::try_from((if linear < 0 { code } else { code | 0x80 }) ^ 0x55).unwrap_or(0)
    }

    #[test]
    fn every_sample_is_encoded_as_the_reference_code_of_the_itu_does() {
        for sample in i16::MIN..=i16::MAX {
            assert_eq!(encode(Law::Mu, sample), pcmu_by_the_loop(sample), "µ-law of {sample}");
            assert_eq!(encode(Law::A, sample), pcma_by_the_loop(sample), "A-law of {sample}");
        }
    }

    #[test]
    fn known_values_of_the_recommendation_hold() {
        assert_eq!((decode(Law::Mu, 0x80), decode(Law::Mu, 0x00), decode(Law::Mu, 0xff)), (32124, -32124, 0));
        assert_eq!((decode(Law::A, 0xaa), decode(Law::A, 0x2a), decode(Law::A, 0xd5)), (32256, -32256, 8));
        assert_eq!((encode(Law::Mu, 0), encode(Law::A, 0)), (0xff, 0xd5));
        assert_eq!((encode(Law::Mu, i16::MAX), encode(Law::Mu, i16::MIN)), (0x80, 0x00));
        assert_eq!((encode(Law::A, i16::MAX), encode(Law::A, i16::MIN)), (0xaa, 0x2a));
    }

    #[test]
    fn every_sample_comes_back_within_half_a_step_of_its_segment() {
        for law in [Law::Mu, Law::A] {
            for sample in i16::MIN..=i16::MAX {
                let back = i32::from(decode(law, encode(law, sample)));
                // µ-law ends at 32,124; what is louder is the loudest it has.
                let sample = i32::from(sample).clamp(-32_256, 32_256);
                assert!((back - sample).abs() <= coarseness(law, sample), "{law:?} {sample} became {back}");
            }
        }
    }

    #[test]
    fn every_byte_decodes_to_a_level_that_encodes_to_it_again() {
        for law in [Law::Mu, Law::A] {
            for byte in 0..=u8::MAX {
                let again = encode(law, decode(law, byte));
                // µ-law has a negative zero; samples have not.
                let expected = if (law, byte) == (Law::Mu, 0x7f) { 0xff } else { byte };
                assert_eq!(again, expected, "{law:?} {byte:#x}");
            }
        }
    }

    #[test]
    fn transcoding_by_table_equals_decoding_and_encoding_and_keeps_silence_silent() {
        for byte in 0..=u8::MAX {
            assert_eq!(transcoded(Law::Mu, byte), encode(Law::A, decode(Law::Mu, byte)));
            assert_eq!(transcoded(Law::A, byte), encode(Law::Mu, decode(Law::A, byte)));
        }
        assert_eq!(transcoded(Law::Mu, silence(Law::Mu)), silence(Law::A));
        let quiet = decode(Law::Mu, transcoded(Law::A, silence(Law::A)));
        assert!(quiet.abs() <= 8, "A-law silence became {quiet}");
    }

    #[test]
    fn a_second_round_of_transcoding_changes_nothing_more() {
        for byte in 0..=u8::MAX {
            let once = transcoded(Law::A, transcoded(Law::Mu, byte));
            let twice = transcoded(Law::A, transcoded(Law::Mu, once));
            assert_eq!(once, twice, "{byte:#x}");
        }
    }
}
