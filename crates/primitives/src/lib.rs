//! The three values every core is handed, and nothing else ever: what must not be printed
//! ([`Private`]), when it is ([`Now`]), and where randomness comes from ([`Seed`]).

mod now;
mod private;
mod seed;

pub use now::Now;
pub use private::Private;
pub use seed::{Generator, Seed};
