"""Training: device-resident batches, augmentation, one LightningModule and one Trainer for all models."""
