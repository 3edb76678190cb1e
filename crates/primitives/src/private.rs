use std::fmt;

/// A value that must not reach a log, a metric, a trace or an error: numbers, names, digits keyed in,
/// credentials.
///
/// Neither `Display` nor `Serialize` exist for it and `Debug` hides it. [`Private::expose`] is the only
/// way to the value and is easy to search for.
#[derive(Clone, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Private<T>(T);

impl<T> Private<T> {
    /// Puts a value out of sight.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for the one use that needs it.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// The value, when the wrapper has done its work.
    pub fn into_exposed(self) -> T {
        self.0
    }

    /// Another private value made from this one.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Private<U> {
        Private(make(self.0))
    }
}

impl<T> From<T> for Private<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> fmt::Debug for Private<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(private)")
    }
}

#[cfg(test)]
mod tests {
    use super::Private;

    #[test]
    fn debug_output_of_anything_that_holds_a_private_value_does_not_show_it() {
        #[derive(Debug)]
        struct Caller {
            #[expect(dead_code, reason = "only its Debug output is of interest")]
            number: Private<String>,
        }
        let caller = Caller { number: Private::new("+15550123456".to_owned()) };
        assert_eq!(format!("{caller:?}"), "Caller { number: (private) }");
    }
}
