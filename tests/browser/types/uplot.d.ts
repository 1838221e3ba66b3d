// The dashboard loads uPlot as a classic script.
import type Plot from 'uplot';

declare global {
  type uPlot = Plot;
  var uPlot: typeof Plot;
}
