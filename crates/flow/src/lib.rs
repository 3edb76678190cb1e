//! Call-flow YAML: parse, check, compile, interpret, test.
