"""Why a model answers as it does: which places of a face speak for an emotion. With numpy and OpenCV, without torch."""

AUTO, CAM, OCCLUSION = METHODS = ("auto", "cam", "occlusion")
