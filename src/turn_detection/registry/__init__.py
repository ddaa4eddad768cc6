"""MLflow beyond tracking: a bundle as a registered model, promoted by alias and pulled out again. Needs mlflow, but no torch."""
