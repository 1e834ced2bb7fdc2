//! Files: their names, their lines, and what a failure leaves.
