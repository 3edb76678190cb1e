//! How a call sounds to its listener, by what the network did to it: the E-model (ITU-T G.107) with its defaults,
//! reduced to delay and loss as in ITU-T G.107 §7.4 and §7.5.

use std::time::Duration;

/// A perfect call without a network (G.107 table 3).
const BEST: f64 = 93.2;
/// How well G.711 bears loss that comes singly: with the concealment of its appendix I (ITU-T G.113 table I.2).
const LOSS_ROBUSTNESS: f64 = 25.1;

/// The mean opinion score a listener would give, 1.0 to 4.4, of G.711 heard so late and with such a part of its
/// packets lost.
pub(crate) fn mean_opinion_score(delay: Duration, lost: f64) -> f64 {
    let milliseconds = delay.as_secs_f64() * 1_000.0;
    // Cole and Rosenbluth 2001: what G.107's delay impairment comes to where echo is cancelled.
    let late = 0.024 * milliseconds + 0.11 * (milliseconds - 177.3).max(0.0);
    let percent = 100.0 * lost.clamp(0.0, 1.0);
    let damaged = 95.0 * percent / (percent + LOSS_ROBUSTNESS);
    let rating = BEST - late - damaged;
    if rating <= 0.0 {
        return 1.0;
    }
    // G.107 annex B.
    (1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6).clamp(1.0, 4.5)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::mean_opinion_score;

    fn score(milliseconds: u64, percent: f64) -> f64 {
        mean_opinion_score(Duration::from_millis(milliseconds), percent / 100.0)
    }

    #[test]
    fn scores_are_those_of_the_recommendation() {
        // G.107 annex B: R = 93.2 is 4.41. A satellite's 250 ms and 2 % of loss are what people complain of.
        assert!((score(0, 0.0) - 4.41).abs() < 0.01);
        assert!((4.3..4.41).contains(&score(100, 0.0)));
        assert!((3.9..4.2).contains(&score(100, 2.0)));
        assert!((3.0..3.9).contains(&score(250, 2.0)), "{}", score(250, 2.0));
        assert!(score(400, 20.0) < 1.7);
        assert!((score(5_000, 100.0) - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn more_loss_and_more_delay_never_sound_better() {
        for percent in 0..100 {
            for delay in (0..1_000).step_by(50) {
                let here = score(delay, f64::from(percent));
                assert!(
                    score(delay + 50, f64::from(percent)) <= here
                        && score(delay, f64::from(percent + 1)) <= here
                );
            }
        }
    }
}
