"""From a face to landmarks: MediaPipe's 478 points, the pose removed, the graph they form."""
