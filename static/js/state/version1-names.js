//! Where version 1 of the page keeps what it has.

export const NAME = 'sluice';
export const LEFT = 'sluice.left';
