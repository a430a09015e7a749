"""Line and cell magics for notebooks."""
