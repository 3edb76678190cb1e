use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// One caller's call, from the first INVITE to the last BYE, the same on every node.
///
/// Printed and read as 32 hexadecimal digits. Whoever accepts a shorter prefix (a person at a
/// keyboard) looks it up in the log first: a prefix alone is not an identity.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CallId(pub u128);

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallId({self})")
    }
}

/// Why a text is not a call's identity.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("a call is named by 32 lower-case hexadecimal digits, as `careline audit` prints them")]
pub struct CallIdError;

impl FromStr for CallId {
    type Err = CallIdError;

    fn from_str(text: &str) -> Result<Self, CallIdError> {
        // Lower case only: a record names its call in one spelling, so a text search finds all of it.
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 32 || !text.bytes().all(is_digit) {
            return Err(CallIdError);
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| CallIdError)
    }
}

#[cfg(test)]
mod tests {
    use super::{CallId, CallIdError};

    #[test]
    fn a_call_is_printed_and_read_back_as_32_digits() {
        let call = CallId(0x0198_f2aa);
        assert_eq!(call.to_string(), "0000000000000000000000000198f2aa");
        assert_eq!(call.to_string().parse(), Ok(call));
        for bad in ["", "198f2aa", "0000000000000000000000000198F2AA", "+000000000000000000000000198f2aa"] {
            assert_eq!(bad.parse::<CallId>(), Err(CallIdError), "{bad}");
        }
    }
}
