"""Why a model answers as it does: which places of a face speak for an emotion. With numpy and OpenCV, without torch."""

OCCLUSION, CAM = METHODS = ("occlusion", "cam")
