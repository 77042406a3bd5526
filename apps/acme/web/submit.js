// The identity provider's form needs nobody to press its button.
document.forms[0].submit();
